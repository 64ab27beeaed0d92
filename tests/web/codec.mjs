// Runs the page's codec for test_javascript.py: one JSON request per line in, one answer per line out.
import {createInterface} from "node:readline";
import {pathToFileURL} from "node:url";

const codec = await import(pathToFileURL(process.argv[2]));

const toHex = (bytes) => Buffer.from(bytes).toString("hex");
const fromHex = (text) => new Uint8Array(Buffer.from(text, "hex"));

/** Convert values to the form of the golden vectors: u64 as decimal strings, blobs as hexadecimal. */
const plain = (value) =>
  typeof value === "bigint" ? `${value}`
  : value instanceof Uint8Array ? toHex(value)
  : Array.isArray(value) ? value.map(plain)
  : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]))
  : value;

/** Convert values back, by the declarations. */
const typed = (declared, values) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const [, kind, , record] = declared.find(([n]) => n === name) ?? [];
      if (kind === "u64" && typeof value === "string") return [name, BigInt(value)];
      if (kind === "blob" && typeof value === "string") return [name, fromHex(value)];
      if (kind === "list" && Array.isArray(value)) return [name, value.map((v) => typed(codec.RECORDS[record], v))];
      return [name, value];
    }),
  );

const work = {
  encode: ({name, fields}) => ({
    bytes: toHex(codec.encode(name, typed(codec.MESSAGES[name]?.fields ?? [], fields))),
  }),
  read: ({chunks, limit}) => {
    const reader = new codec.FrameReader(limit);
    let frames = [];
    try {
      for (const chunk of chunks) frames = frames.concat(reader.push(fromHex(chunk)));
    } catch (error) {
      if (!(error instanceof codec.ProtocolError)) throw error;
      frames = frames.concat(error.frames);
      return {frames: frames.map(plain), error: error.kind, text: error.message};
    }
    return {frames: frames.map(plain), pending: reader.pending};
  },
  walk: ({bytes}) => ({spans: codec.walk(fromHex(bytes)).map(plain)}),
  constants: () => ({limits: codec.LIMITS, codes: codec.ErrorCode, kinds: codec.EventKind, enums: codec.ENUMS}),
};

for await (const line of createInterface({input: process.stdin})) {
  const task = JSON.parse(line);
  let answer;
  try {
    answer = work[task.do](task);
  } catch (error) {
    answer = {thrown: error.constructor.name, kind: error.kind, text: error.message};
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
