// NCP/1 codec for the browser. Do not edit: netchat generates this file from its wire declarations
// and netchat/web/codec.js (`netchat protocol --js --write`).
//
//   encode("SEND", {counter: 1n, room: "lobby", text: "hi"})  -> Uint8Array, one whole frame
//   reader.push(bytes)  -> [{name, type, flags, fields, bytes}], for chunks of any size
//   walk(bytes)         -> every field of one frame with its offset and length
//
// u8, u16 and u32 are Numbers, u64 is a BigInt, text a string, blob a Uint8Array, a list an array.

export const VERSION = 1, MAGIC = "NC";
export const HEADER_SIZE = 16, CRC_OFFSET = 12;
export const LIMITS = {DEFAULT_PORT: 6464, MAX_BAN_PAGE: 50, MAX_CHUNK: 61440, MAX_DEVICES: 128, MAX_FILE_NAME: 255, MAX_FOUND: 25, MAX_FRAME: 65536, MAX_HISTORY: 1000, MAX_MEMBERSHIPS: 400, MAX_NAME: 24, MAX_PIECE: 1048576, MAX_ROSTER: 500, MAX_SEALED: 200, MAX_SERVERS: 64, MAX_TEXT: 16384};

// name, offset, size, description
export const HEADER = [
  ["magic", 0, 2, "NC: lets a reader find the next frame after damage"],
  ["version", 2, 1, "protocol version: 1"],
  ["type", 3, 1, "type number of the message"],
  ["flags", 4, 2, "0; bit 0 is reserved for encrypted bodies"],
  ["suite", 6, 1, "0; reserved for the cipher suite of an encrypted body"],
  ["reserved", 7, 1, "0"],
  ["length", 8, 4, "size of the body in bytes, without the header"],
  ["crc", 12, 4, "CRC-32 of the whole frame, with these four bytes set to zero"],
];

// Names of enum values: {value: name}
export const ENUMS = {
  ErrorCode: {
    1: "BAD_FRAME",
    2: "UNEXPECTED",
    3: "HANDSHAKE_TIMEOUT",
    4: "FRAME_TIMEOUT",
    5: "IDLE_TIMEOUT",
    6: "STALLED",
    7: "SERVER_FULL",
    8: "BUSY",
    9: "SESSION_MOVED",
    10: "SHUTTING_DOWN",
    100: "NAME_TAKEN",
    101: "NAME_NOT_ALLOWED",
    110: "NO_SUCH_ROOM",
    111: "NOT_A_MEMBER",
    112: "TOO_MANY_ROOMS",
    113: "NO_SUCH_USER",
    120: "TEXT_NOT_ALLOWED",
    121: "TEXT_TOO_LONG",
    122: "OUT_OF_ORDER",
    130: "TOO_FAST",
    140: "STORAGE",
    141: "STORAGE_RESTORED",
    150: "LOGIN_REQUIRED",
    151: "WRONG_PASSWORD",
    152: "TOO_MANY_GUESSES",
    153: "NO_REGISTRATION",
    154: "PASSWORD_NOT_ALLOWED",
    155: "NO_ACCOUNTS",
    156: "NOT_REGISTERED",
    157: "REGISTERED",
    158: "LOGIN_BUSY",
    160: "REMOVED",
    161: "BANNED",
    162: "NOT_ALLOWED",
    163: "MUTED",
    164: "READ_ONLY",
    165: "LOCKED",
    166: "NOT_POSSIBLE",
    167: "TOO_MANY",
    168: "NOTHING_TO_CHANGE",
    170: "NOT_SEALING",
    171: "OLD_EPOCH",
    172: "SEALED_ROOM_FULL",
    173: "NOT_SEALED",
    174: "CANNOT_SEAL",
    175: "BAD_SEAL",
    180: "NO_FILES",
    181: "FILE_TOO_LARGE",
    182: "QUOTA_EXCEEDED",
    183: "DISK_FULL",
    184: "WRONG_HASH",
    185: "NO_SUCH_FILE",
    186: "BAD_FILE",
    187: "TOO_MANY_TRANSFERS",
    190: "NO_SUCH_MESSAGE",
  },
  EventKind: {
    1: "CHAT",
    2: "JOIN",
    3: "LEAVE",
    4: "RENAME",
    5: "REMOVED",
    6: "MODERATED",
    7: "ROOM_CHANGED",
    8: "EDIT",
    9: "DELETE",
    10: "REPLY",
    11: "REACTION",
    12: "SEALED",
    13: "REKEY",
    14: "ERASED",
    15: "FILE",
  },
  Role: {
    0: "MEMBER",
    1: "MODERATOR",
    2: "OWNER",
  },
  ModeratorAction: {
    1: "KICK",
    2: "MUTE",
    3: "UNMUTE",
    4: "BAN",
    5: "UNBAN",
    6: "APPOINT",
    7: "DISMISS",
    8: "TITLE",
    9: "LOCK",
    10: "UNLOCK",
    11: "READ_ONLY",
    12: "WRITABLE",
    13: "CLEAR",
    14: "CLOSE",
  },
  RoomKind: {
    1: "LOBBY",
    2: "ROOM",
    3: "PRIVATE",
    4: "SEALED",
  },
};
const numbers = (values) =>
  Object.freeze(Object.fromEntries(Object.entries(values).map(([n, name]) => [name, +n])));
export const ErrorCode = numbers(ENUMS.ErrorCode);
export const EventKind = numbers(ENUMS.EventKind);
export const Role = numbers(ENUMS.Role);
export const ModeratorAction = numbers(ENUMS.ModeratorAction);
export const RoomKind = numbers(ENUMS.RoomKind);

// Fields: name, kind, description, and the record of a list or the enum of a number.
export const RECORDS = {
  Position: [
    ["room", "text", "The room's code."],
    ["log", "u64", "Identity of the room's log, from JOINED or WELCOME."],
    ["last", "u64", "Sequence number of the last event the client has applied."],
  ],
  Membership: [
    ["room", "text", "The room's code."],
    ["kind", "u8", "Kind of the room.", "RoomKind"],
    ["peer", "text", "Name of the other user in a private room, otherwise empty."],
    ["log", "u64", "Identity of the room's log. A client that knows a different one starts over."],
    ["last", "u64", "Position at which the client continues: it applies the EVENT after this one next, and drops all others up to this one."],
    ["head", "u64", "The room's last event now. Once the client has applied it, it has caught up, and retransmits its messages that have no EVENT yet."],
  ],
  ServerAddress: [
    ["address", "text", "Address of its chat: HOST:PORT or [IPV6]:PORT."],
    ["page", "text", "URL of its web page, or empty if it has none."],
  ],
  Member: [
    ["name", "text", "The user's name."],
    ["away", "u8", "1 while the connection is lost and the session may still be resumed, otherwise 0. Clients that handle SERVERS also get 2 + N: the user is connected to server N of the last SERVERS, counting from 0."],
  ],
  FoundMessage: [
    ["seq", "u64", "Sequence number of its event."],
    ["time", "u64", "The server's clock, in microseconds since 1970-01-01 UTC."],
    ["kind", "u8", "CHAT, EDIT, REPLY or FILE.", "EventKind"],
    ["target", "u64", "For an EDIT or REPLY, the number of the event that it refers to; or 0."],
    ["sender", "text", "Name of the user."],
    ["text", "text", "The message or the name of the file, cut to 400 characters around the first word."],
  ],
  BannedUser: [
    ["number", "u64", "Number of the ban, for `#NUMBER` as the `target` of an UNBAN."],
    ["until", "u64", "Its end in microseconds since 1970-01-01 UTC; 0 if it has no end."],
    ["scope", "u8", "What is banned: the sum of 1 for a name, 2 for a device, 4 for an address."],
    ["name", "text", "Name of the user, or empty."],
    ["address", "text", "Banned address, for owners; otherwise empty."],
    ["actor", "text", "Name of the moderator; empty for the host at the dashboard."],
    ["reason", "text", "The reason, or empty."],
  ],
  Sealed: [
    ["kind", "u8", "Kind of the event: SEALED, EDIT, DELETE, REPLY, REACTION, FILE or REKEY.", "EventKind"],
    ["algorithms", "u8", "1: HKDF-SHA256, AES-256-GCM, Ed25519."],
    ["epoch", "u32", "Number of the room's secret, from 1. For REKEY, that of the new secret."],
    ["run", "u32", "Random number, new at each startup of the sender. With `counter` it forms the nonce."],
    ["seen", "u64", "Sequence number of the last event that the sender has applied."],
    ["view", "blob", "The sender's hash of the room up to `seen` (32 bytes), or empty."],
    ["previous", "blob", "Hash of the sender's previous sealed message (32 bytes), or empty."],
    ["key", "blob", "The sending device's public keys: Ed25519, X25519 (64 bytes)."],
    ["check", "blob", "For REKEY, check value of the new secret (16 bytes); otherwise empty."],
    ["wraps", "list", "For REKEY, the new secret for each member. At most 200.", "Wrap"],
    ["ciphertext", "blob", "SealedText, encrypted with AES-256-GCM, and its tag."],
    ["signature", "blob", "The device's Ed25519 signature over all of the above (64 bytes)."],
  ],
  Wrap: [
    ["device", "u64", "Short id of the device: the first 8 bytes of the SHA-256 of its keys."],
    ["enc", "blob", "HPKE's encapsulated key (32 bytes)."],
    ["secret", "blob", "The secret, sealed by HPKE for the device (32 bytes)."],
    ["proof", "blob", "Proof that the device is a member, for DEVICES (32 bytes)."],
  ],
  DeviceKeys: [
    ["name", "text", "The member's name."],
    ["epoch", "u32", "Epoch of the proof, or 0."],
    ["keys", "blob", "Public keys: Ed25519, X25519, and the signature of the first over both (128 bytes)."],
    ["proof", "blob", "HMAC of the keys with a key that follows from the room's secret (32 bytes), or empty."],
  ],
  SealedText: [
    ["name", "text", "The sender's name, as the sender knows it."],
    ["text", "text", "The message; for REKEY, its reason; for EDIT, DELETE, REPLY and REACTION, the text of EVENT; for FILE, the lines of EVENT (the SHA-256 is that of the sealed form) and a fifth one, the file's key in hexadecimal."],
  ],
};
export const MESSAGES = {
  HELLO: {
    type: 0x01,
    doc: "Opens a connection: the first frame of every client.",
    fields: [
      ["features", "u32", "Optional features of the client, one per bit. Bit 0: it handles SERVERS. Bit 1: it handles ACCOUNT_STATUS. Bit 2: it handles ROOM_STATE and the events and errors of moderation. Bit 3: it handles sealed messages. Bit 4: it handles files. Bit 5: it handles edits, deletions, replies and reactions. The server ignores bits that it does not know."],
      ["device", "blob", "16 random bytes that the client keeps secret. The first 63 bits of their SHA-256 are its device id in EVENT, so that no other client can use it."],
      ["token", "blob", "Token of the last WELCOME or ACCOUNT_STATUS (32 bytes), or empty for a new session. The token of an account's session also logs in, after the session has ended."],
      ["name", "text", "Requested user name."],
      ["software", "text", "Name and version of the program, for the server's log."],
      ["positions", "list", "When resuming: the position in each room. At most 400.", "Position"],
    ],
  },
  WELCOME: {
    type: 0x02,
    doc: "Answers HELLO: the session is established and durable.",
    fields: [
      ["features", "u32", "Those features of HELLO that are in use on this connection. Bit 0: SERVERS follows. Bit 1: the server has accounts, and ACCOUNT_STATUS follows. Bit 2: the server supports MODERATE. Bit 3: sealed messages. Bit 4: files. Bit 5: ANNOTATE and SEARCH."],
      ["session", "u64", "Session number, for users and logs. It is not secret."],
      ["device", "u64", "The client's device id, as used in EVENT."],
      ["time", "u64", "The server's clock, in microseconds since 1970-01-01 UTC."],
      ["max_frame", "u32", "Largest frame that the server accepts, in bytes."],
      ["max_text", "u32", "Longest text that it accepts in SEND, in bytes."],
      ["resume_seconds", "u32", "Time for which a lost session can be resumed, in seconds."],
      ["resumed", "u8", "1 if the session of HELLO's token was resumed, 0 if this is a new one."],
      ["token", "blob", "Resumes this session once: each WELCOME carries a new token."],
      ["name", "text", "The user name."],
      ["software", "text", "Name and version of the server."],
      ["rooms", "list", "The session's rooms. At most 400.", "Membership"],
    ],
  },
  PING: {
    type: 0x03,
    doc: "Checks that the peer is alive.",
    fields: [
      ["time", "u64", "Any number; PONG returns it."],
    ],
  },
  PONG: {
    type: 0x04,
    doc: "Answers PING.",
    fields: [
      ["time", "u64", "The number of the PING."],
    ],
  },
  ERROR: {
    type: 0x05,
    doc: "Reports an error or a refusal, with a code for programs and a text for users.",
    fields: [
      ["code", "u16", "Reason. Below 100, the server closes the connection after this frame.", "ErrorCode"],
      ["about", "u8", "Type number of the refused frame, or 0."],
      ["reference", "u64", "That frame's `request` or, for SEND, its `counter`; otherwise 0."],
      ["text", "text", "What is wrong and what to do, for users."],
      ["suggestion", "text", "A name that is free, if a name was refused; otherwise empty."],
    ],
  },
  BYE: {
    type: 0x06,
    doc: "Ends the session: its name becomes free, and it cannot be resumed.",
    fields: [
      ["text", "text", "Reason, for users."],
    ],
  },
  SERVERS: {
    type: 0x07,
    doc: "Lists the other running servers of a cluster, after WELCOME and whenever they change.",
    fields: [
      ["servers", "list", "The other servers, in any order. At most 64.", "ServerAddress"],
    ],
  },
  CREATE: {
    type: 0x10,
    doc: "Creates a room; its creator is the first member.",
    fields: [
      ["request", "u32", "Request number, returned in the answer."],
    ],
  },
  JOIN: {
    type: 0x11,
    doc: "Joins a room.",
    fields: [
      ["request", "u32", "Request number, returned in the answer."],
      ["log", "u64", "Identity of the log known from an earlier membership, or 0."],
      ["after", "u64", "Sequence number of the last event known from that log, or 0."],
      ["room", "text", "The room's code, or `lobby`."],
    ],
  },
  JOINED: {
    type: 0x12,
    doc: "Answers CREATE, JOIN and PRIVATE. The other user in a PRIVATE gets it too, with `request` 0.",
    fields: [
      ["request", "u32", "Number of the answered request, or 0."],
      ["members", "u32", "Number of members."],
      ["membership", "list", "Exactly one: the room and the position to start from.", "Membership"],
    ],
  },
  LEAVE: {
    type: 0x13,
    doc: "Leaves a room.",
    fields: [
      ["request", "u32", "Request number, returned in the answer."],
      ["room", "text", "The room's code."],
    ],
  },
  LEFT: {
    type: 0x14,
    doc: "Answers LEAVE: no more events of this room follow.",
    fields: [
      ["request", "u32", "Number of the answered request, or 0."],
      ["room", "text", "The room's code."],
    ],
  },
  WHO: {
    type: 0x15,
    doc: "Requests a page of a room's members.",
    fields: [
      ["request", "u32", "Request number, returned in the answer."],
      ["room", "text", "The room's code."],
      ["after", "text", "Last name of the previous page, or empty."],
    ],
  },
  ROSTER: {
    type: 0x16,
    doc: "Answers WHO with one page of members, sorted by name.",
    fields: [
      ["request", "u32", "Number of the answered request."],
      ["total", "u32", "Number of members of the room."],
      ["more", "u8", "1 if another page follows: send WHO with the last name as `after`; otherwise 0."],
      ["room", "text", "The room's code."],
      ["members", "list", "The members. At most 500.", "Member"],
    ],
  },
  RENAME: {
    type: 0x17,
    doc: "Changes the user name. Each of the user's rooms gets an EVENT.",
    fields: [
      ["request", "u32", "Request number, returned in the answer."],
      ["name", "text", "The new name."],
    ],
  },
  RENAMED: {
    type: 0x18,
    doc: "Answers RENAME.",
    fields: [
      ["request", "u32", "Number of the answered request."],
      ["name", "text", "The new name."],
    ],
  },
  PRIVATE: {
    type: 0x19,
    doc: "Requests the private room with another user. There is one for each pair of sessions.",
    fields: [
      ["request", "u32", "Request number, returned in the answer."],
      ["name", "text", "Name of the other user."],
    ],
  },
  SEND: {
    type: 0x20,
    doc: "Sends a message to a room.",
    fields: [
      ["counter", "u64", "Number of the message on this device, larger than the one before."],
      ["room", "text", "The room's code."],
      ["text", "text", "The message, without control characters (except line feed and tab) and noncharacters."],
    ],
  },
  EVENT: {
    type: 0x21,
    doc: "Reports an event in a room. The event is on disk before it is sent.",
    fields: [
      ["seq", "u64", "Sequence number in the room, from 1."],
      ["time", "u64", "The server's clock, in microseconds since 1970-01-01 UTC."],
      ["device", "u64", "Device id of the SEND, or 0 for other events."],
      ["counter", "u64", "Counter of the SEND; the `action` of an event of moderation; 0 for other events."],
      ["kind", "u8", "Kind of the event.", "EventKind"],
      ["room", "text", "The room's code."],
      ["sender", "text", "Name of the user; for a rename, the old name. REMOVED, MODERATED: the user concerned."],
      ["text", "text", "The message; for a rename, the new name; for a leave, the reason. Events of moderation: three lines, the moderator's name (empty for the host at the dashboard), the duration in seconds (0: no end), and the reason or the title. FILE: four lines, the size in bytes, the SHA-256 in hexadecimal, the media type, and the name."],
    ],
  },
  ACK: {
    type: 0x22,
    doc: "Answers a SEND that the server already has, with the sequence number of its EVENT.",
    fields: [
      ["counter", "u64", "Counter of the SEND."],
      ["seq", "u64", "Sequence number of its EVENT."],
      ["room", "text", "The room's code."],
    ],
  },
  HISTORY: {
    type: 0x23,
    doc: "Requests past events of a room.",
    fields: [
      ["request", "u32", "Request number, returned in the answer."],
      ["first", "u64", "Sequence number of the first event."],
      ["last", "u64", "Sequence number of the last event. At most 1000 events are sent, fewer if they are long."],
      ["room", "text", "The room's code."],
    ],
  },
  HISTORY_END: {
    type: 0x24,
    doc: "Ends the EVENTs that answer HISTORY.",
    fields: [
      ["request", "u32", "Number of the answered request."],
      ["first", "u64", "Sequence number of the first event sent; above `last` if no event was sent."],
      ["last", "u64", "Sequence number of the last event sent."],
      ["oldest", "u64", "Sequence number of the oldest event that the server keeps of this room."],
      ["room", "text", "The room's code."],
    ],
  },
  ANNOTATE: {
    type: 0x25,
    doc: "Edits, deletes or answers a message of a room, or reacts to it.",
    fields: [
      ["counter", "u64", "Number of the message on this device, larger than the one before."],
      ["kind", "u8", "EDIT, DELETE, REPLY or REACTION.", "EventKind"],
      ["target", "u64", "Sequence number of the message's event."],
      ["room", "text", "The room's code."],
      ["text", "text", "The new text or the answer; for a REACTION, `+` or `-` and the reaction; for a DELETE, empty."],
    ],
  },
  SEARCH: {
    type: 0x26,
    doc: "Searches a room for messages that contain all words of a text, from the newest to the oldest.",
    fields: [
      ["request", "u32", "Request number, returned in the answer."],
      ["before", "u64", "Sequence number before which to search; 0 to begin at the end."],
      ["room", "text", "The room's code."],
      ["words", "text", "The words, separated by spaces; case makes no difference."],
    ],
  },
  FOUND: {
    type: 0x27,
    doc: "Answers SEARCH.",
    fields: [
      ["request", "u32", "Number of the answered request."],
      ["searched", "u64", "Sequence number of the oldest event that was searched: the next SEARCH continues before it. 0 or 1 if nothing is left."],
      ["room", "text", "The room's code."],
      ["messages", "list", "The messages, newest first. At most 25.", "FoundMessage"],
    ],
  },
  LOGIN: {
    type: 0x30,
    doc: "Logs in to an account, before HELLO.",
    fields: [
      ["request", "u32", "Request number, returned in the answer."],
      ["device", "blob", "The same 16 bytes as in HELLO: wrong passwords that other devices have sent do not delay a device that has logged in before."],
      ["name", "text", "Name of the account."],
      ["password", "text", "Its password. The server compares it in Unicode's form NFC."],
    ],
  },
  REGISTER: {
    type: 0x31,
    doc: "Registers an account, before HELLO, or under the name of a guest's session.",
    fields: [
      ["request", "u32", "Request number, returned in the answer."],
      ["name", "text", "Name of the account; in a session, its name."],
      ["password", "text", "Password: 8 characters or more, at most 1024 bytes."],
      ["invitation", "text", "Invitation, or empty."],
    ],
  },
  PASSWORD: {
    type: 0x32,
    doc: "Changes the password of the session's account, and logs out all other devices.",
    fields: [
      ["request", "u32", "Request number, returned in the answer."],
      ["old", "text", "The current password."],
      ["new", "text", "The new password, as in REGISTER."],
    ],
  },
  LOGOUT: {
    type: 0x33,
    doc: "Logs out: the session ends, and its tokens are no longer valid. BYE answers it.",
    fields: [
      ["request", "u32", "Request number, returned with an ERROR."],
      ["everywhere", "u8", "1 to log out every device of the account, 0 for this one."],
    ],
  },
  ACCOUNT_STATUS: {
    type: 0x34,
    doc: "States the account of a connection.",
    fields: [
      ["request", "u32", "Number of the answered request, or 0."],
      ["role", "u8", "Rights of the account.", "Role"],
      ["name", "text", "Name of the account, or empty for a guest."],
      ["token", "blob", "Replaces the token of WELCOME, unless it is empty."],
    ],
  },
  MODERATE: {
    type: 0x38,
    doc: "Requests an action in a room, as its moderator. The room gets an EVENT about it.",
    fields: [
      ["request", "u32", "Request number, returned in the answer."],
      ["action", "u8", "What to do.", "ModeratorAction"],
      ["scope", "u8", "For a BAN, what to ban: the sum of 1 for the name, 2 for the user's device, 4 for the user's address (owners only). 0 means name and device. Otherwise 0."],
      ["seconds", "u32", "Duration of a MUTE or BAN; 0 until it is lifted. Otherwise 0."],
      ["room", "text", "The room's code."],
      ["target", "text", "Name of the user. For a BAN of an address also that address; for an UNBAN also `#NUMBER`. Empty for actions about the room."],
      ["text", "text", "The reason, for the room, or empty; for a TITLE, the title."],
    ],
  },
  MODERATED: {
    type: 0x39,
    doc: "Answers MODERATE: the action has been carried out.",
    fields: [
      ["request", "u32", "Number of the answered request."],
      ["action", "u8", "What was done.", "ModeratorAction"],
      ["room", "text", "The room's code."],
    ],
  },
  BANS: {
    type: 0x3a,
    doc: "Requests a page of a room's bans, as its moderator.",
    fields: [
      ["request", "u32", "Request number, returned in the answer."],
      ["after", "u64", "Number of the last ban of the previous page, or 0."],
      ["room", "text", "The room's code."],
    ],
  },
  BAN_LIST: {
    type: 0x3b,
    doc: "Answers BANS with one page of bans, oldest first.",
    fields: [
      ["request", "u32", "Number of the answered request."],
      ["more", "u8", "1 if another page follows: send BANS with the last number as `after`; otherwise 0."],
      ["room", "text", "The room's code."],
      ["bans", "list", "The bans. At most 50.", "BannedUser"],
    ],
  },
  ROOM_STATE: {
    type: 0x3c,
    doc: "Describes a room beyond its code, to clients with bit 2 of `features` in HELLO.",
    fields: [
      ["role", "u8", "The user's rights there: 0 member, 1 moderator, 2 owner."],
      ["modes", "u8", "The sum of 1 if the room is locked, 2 if it is read-only."],
      ["room", "text", "The room's code."],
      ["title", "text", "The room's title, or empty."],
    ],
  },
  UPLOAD: {
    type: 0x40,
    doc: "Starts or resumes the upload of a file to a room. UPLOAD_STATE answers it.",
    fields: [
      ["request", "u32", "Request number, by which CHUNK and UPLOAD_STATE refer to the upload."],
      ["size", "u64", "Size of the file in bytes; in a sealed room, of its sealed form."],
      ["sha256", "blob", "SHA-256 of these bytes (32 bytes)."],
      ["room", "text", "The room's code."],
    ],
  },
  UPLOAD_STATE: {
    type: 0x41,
    doc: "Answers UPLOAD, and acknowledges CHUNKs of it.",
    fields: [
      ["request", "u32", "Number of the UPLOAD."],
      ["stored", "u64", "Bytes that the server has stored: the client continues at this offset."],
      ["limit", "u64", "Offset up to which the client may send. It never decreases."],
      ["is_complete", "u8", "1 once the file is on disk and its SHA-256 is right, otherwise 0."],
    ],
  },
  CHUNK: {
    type: 0x42,
    doc: "Carries bytes of a file: of an UPLOAD to the server, or those that a DOWNLOAD requested.",
    fields: [
      ["request", "u32", "Number of the UPLOAD or DOWNLOAD."],
      ["offset", "u64", "Offset of the first byte in the file; chunks follow without gaps."],
      ["data", "blob", "The bytes."],
    ],
  },
  CANCEL_UPLOAD: {
    type: 0x43,
    doc: "Ends an upload; the server deletes what it has of it. There is no answer.",
    fields: [
      ["request", "u32", "Number of the UPLOAD."],
    ],
  },
  DOWNLOAD: {
    type: 0x44,
    doc: "Requests bytes of a file in a room. CHUNKs with exactly these bytes answer it, in order.",
    fields: [
      ["request", "u32", "Request number, returned in the answers."],
      ["offset", "u64", "Offset of the first byte."],
      ["count", "u32", "Number of bytes, at most 1 MiB; fewer are sent at the end of the file."],
      ["sha256", "blob", "SHA-256 of the file (32 bytes)."],
      ["room", "text", "The room's code."],
    ],
  },
  OFFER: {
    type: 0x45,
    doc: "Offers an uploaded file to its room. The EVENT answers it, as it answers SEND.",
    fields: [
      ["counter", "u64", "Number of the message on this device, larger than the one before."],
      ["size", "u64", "Size of the file in bytes."],
      ["sha256", "blob", "SHA-256 of the file (32 bytes)."],
      ["room", "text", "The room's code."],
      ["media_type", "text", "Media type of the file, such as `image/png`, or empty."],
      ["file", "text", "Name of the file. The server replaces what is special in file systems, and cuts it to 200 bytes."],
    ],
  },
  SEALED_SEND: {
    type: 0x50,
    doc: "Sends a sealed message to a room; otherwise like SEND.",
    fields: [
      ["counter", "u64", "Number of the message on this device, larger than the one before."],
      ["room", "text", "The room's code."],
      ["sealed", "list", "Exactly one: the sealed message.", "Sealed"],
    ],
  },
  SEALED_EVENT: {
    type: 0x51,
    doc: "Reports a sealed message in a room: the EVENT for SEALED_SEND, in the same sequence.",
    fields: [
      ["seq", "u64", "Sequence number in the room, from 1."],
      ["time", "u64", "The server's clock, in microseconds since 1970-01-01 UTC."],
      ["device", "u64", "Device id of the SEALED_SEND, as in EVENT."],
      ["counter", "u64", "Counter of the SEALED_SEND."],
      ["room", "text", "The room's code."],
      ["sender", "text", "Name of the user, as the server knows it."],
      ["sealed", "list", "Exactly one: the sealed message.", "Sealed"],
    ],
  },
  CREATE_SEALED: {
    type: 0x52,
    doc: "Creates a sealed room, in epoch 1; its creator is the first member. JOINED answers.",
    fields: [
      ["request", "u32", "Request number, returned in the answer."],
      ["check", "blob", "Check value of the room's secret (16 bytes)."],
    ],
  },
  DEVICE: {
    type: 0x53,
    doc: "Publishes the keys of the client's device: for private messages, or as a room's member.",
    fields: [
      ["room", "text", "Code of a sealed room, or empty for private messages."],
      ["epoch", "u32", "Epoch of the proof, or 0 without a room."],
      ["keys", "blob", "Public keys: Ed25519, X25519, and the signature of the first over both (128 bytes)."],
      ["proof", "blob", "HMAC of the keys with a key that follows from the room's secret (32 bytes), or empty."],
    ],
  },
  DEVICE_LIST: {
    type: 0x54,
    doc: "Requests the device keys of the members of a sealed or private room.",
    fields: [
      ["request", "u32", "Request number, returned in the answer."],
      ["room", "text", "The room's code."],
      ["after", "text", "Last name of the previous page, or empty."],
    ],
  },
  DEVICES: {
    type: 0x55,
    doc: "Answers DEVICE_LIST with one page of device keys, sorted by name.",
    fields: [
      ["request", "u32", "Number of the answered request."],
      ["more", "u8", "1 if another page follows: request it with the last name; otherwise 0."],
      ["epoch", "u32", "The room's epoch; 0 before the first secret of a private room."],
      ["check", "blob", "Check value of the room's secret (16 bytes), or empty in epoch 0."],
      ["room", "text", "The room's code."],
      ["devices", "list", "The devices. At most 128.", "DeviceKeys"],
    ],
  },
};

const SIZES = {u8: 1, u16: 2, u32: 4, u64: 8, text: 2, blob: 4, list: 2};
const byType = new Map(Object.entries(MESSAGES).map(([name, m]) => [m.type, {name, ...m}]));
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", {fatal: true, ignoreBOM: true});

function leftOver(size) {
  return size === 1 ? "1 byte is left over" : `${size} bytes are left over`;
}

/** A peer's violation of the protocol: its `kind` as in netchat.errors, and the frames before it. */
export class ProtocolError extends Error {
  constructor(kind, message) {
    super(message);
    this.name = "ProtocolError";
    this.kind = kind;
    this.frames = [];
  }
}

/** A message that the protocol cannot carry. */
export class EncodeError extends Error {}

const CRC = new Uint32Array(256).map((_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

/** Return the CRC-32 of a whole frame, with its CRC field counted as zero. */
export function checksum(bytes) {
  let c = ~0;
  for (let i = 0; i < bytes.length; i++) {
    c = CRC[(c ^ (i >= CRC_OFFSET && i < HEADER_SIZE ? 0 : bytes[i])) & 255] ^ (c >>> 8);
  }
  return ~c >>> 0;
}

const hex = (n, digits = 0) => n.toString(16).padStart(digits, "0");
const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

// ---- encoding

/** Encode a message as a frame. All declared fields are required, and no others are allowed. */
export function encode(name, fields = {}) {
  const message = MESSAGES[name];
  if (!message) throw new EncodeError(`NCP/${VERSION} has no message ${name}`);
  const out = [];
  write(message.fields, fields, name, out);
  const size = out.reduce((sum, part) => sum + part.length, HEADER_SIZE);
  const frame = new Uint8Array(size);
  const view = viewOf(frame);
  encoder.encodeInto(MAGIC, frame);
  frame[2] = VERSION;
  frame[3] = message.type;
  view.setUint32(8, size - HEADER_SIZE);
  let at = HEADER_SIZE;
  for (const part of out) {
    frame.set(part, at);
    at += part.length;
  }
  view.setUint32(CRC_OFFSET, checksum(frame));
  return frame;
}

/** Encode a record by itself. */
export function encodeRecord(name, values) {
  const out = [];
  write(RECORDS[name], values, name, out);
  const bytes = new Uint8Array(out.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of out) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function write(declared, values, where, out) {
  const known = new Set(declared.map(([name]) => name));
  const unknown = Object.keys(values).find((name) => !known.has(name));
  if (unknown) throw new EncodeError(`${where} has no field ${unknown}`);
  for (const [name, kind, , record] of declared) {
    const value = values[name], path = `${where}.${name}`;
    if (kind === "text") {
      if (typeof value !== "string") throw new EncodeError(`${path} must be a string`);
      if (/\p{Surrogate}/u.test(value)) throw new EncodeError(`${path} holds a lone surrogate`);
      const raw = encoder.encode(value);
      out.push(number(kind, raw.length, path), raw);
    } else if (kind === "blob") {
      if (!(value instanceof Uint8Array)) throw new EncodeError(`${path} must be a Uint8Array`);
      out.push(number(kind, value.length, path), value);
    } else if (kind === "list") {
      if (!Array.isArray(value)) throw new EncodeError(`${path} must be an array`);
      out.push(number(kind, value.length, path));
      value.forEach((item, i) => write(RECORDS[record], item, `${path}[${i}]`, out));
    } else {
      out.push(number(kind, value, path));
    }
  }
}

function number(kind, value, path) {
  const size = SIZES[kind];
  if (size <= 4 && Number.isInteger(value) && value >= 0 && value < 256 ** size) { // most numbers
    const bytes = new Uint8Array(size);
    for (let i = size - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest & 255;
    return bytes;
  }
  let n;
  try {
    n = BigInt(value);
  } catch {
    n = -1n;
  }
  if (n < 0n || n >= 1n << BigInt(8 * size) || (typeof value !== "bigint" && !Number.isSafeInteger(value))) {
    throw new EncodeError(`${path} = ${value} does not fit into ${size} bytes`);
  }
  const bytes = new Uint8Array(size);
  if (size === 8) viewOf(bytes).setBigUint64(0, n);
  else for (let i = size - 1; i >= 0; i--, n >>= 8n) bytes[i] = Number(n & 255n);
  return bytes;
}

// ---- decoding

/** Splits a byte stream into frames. After an error it stays failed. */
export class FrameReader {
  #rest = new Uint8Array(0);
  #failed = null;

  constructor(limit = LIMITS.MAX_FRAME) {
    this.limit = limit;
  }

  /** Number of buffered bytes of an incomplete frame. */
  get pending() {
    return this.#rest.length;
  }

  /** Decode the next bytes and return the frames they complete. Throws a ProtocolError. */
  push(bytes) {
    if (this.#failed) throw new ProtocolError(this.#failed.kind, this.#failed.message);
    let data = bytes;
    if (this.#rest.length) {
      data = new Uint8Array(this.#rest.length + bytes.length);
      data.set(this.#rest);
      data.set(bytes, this.#rest.length);
    }
    const frames = [];
    let at = 0;
    try {
      while (at < data.length) {
        const length = checkHeader(data.subarray(at), this.limit);
        const end = at + HEADER_SIZE + length;
        if (at + HEADER_SIZE > data.length || end > data.length) break;
        frames.push(decode(data.slice(at, end)));
        at = end;
      }
    } catch (error) {
      this.#failed = error;
      this.#rest = new Uint8Array(0);
      error.frames = frames;
      throw error;
    }
    this.#rest = data.slice(at);
    return frames;
  }
}

/** Check a complete or partial header. Returns the body length, or 0 if the header is partial. */
function checkHeader(head, limit) {
  const fail = (kind, text) => {
    throw new ProtocolError(kind, text);
  };
  for (let i = 0; i < MAGIC.length && i < head.length; i++) {
    if (head[i] !== MAGIC.charCodeAt(i)) fail("BadMagic", `a frame begins with ${MAGIC}`);
  }
  if (head.length > 2 && head[2] !== VERSION) {
    fail("BadVersion", `this is NCP version ${head[2]}; this page speaks version ${VERSION}`);
  }
  if (head.length > 3 && !byType.has(head[3])) {
    fail("UnknownType", `frame type 0x${hex(head[3], 2)} is not in NCP/${VERSION}`);
  }
  if (head.length > 7 && head.subarray(4, 8).some((byte) => byte)) {
    fail("UnknownFlags", "flags, suite and reserved must be 0");
  }
  if (head.length < HEADER_SIZE) return 0;
  const length = viewOf(head).getUint32(8);
  if (HEADER_SIZE + length > limit) {
    fail("FrameTooLarge", `a frame of ${HEADER_SIZE + length} bytes; the limit is ${limit}`);
  }
  return length;
}

/** Decode one whole frame, whose header must have been checked. */
function decode(bytes) {
  const {name, type, fields: declared} = byType.get(bytes[3]);
  const expected = viewOf(bytes).getUint32(CRC_OFFSET), actual = checksum(bytes);
  if (expected !== actual) {
    throw new ProtocolError("BadChecksum", `${name}: its CRC-32 says ${hex(expected, 8)}, its bytes give ${hex(actual, 8)}`);
  }
  const fields = {};
  const end = read(bytes, HEADER_SIZE, declared, name, fields);
  if (end !== bytes.length) {
    throw new ProtocolError("BadBody", `${name}: ${leftOver(bytes.length - end)} at byte ${end}`);
  }
  return {name, type, flags: viewOf(bytes).getUint16(4), fields, bytes};
}

/** Decode a record that fills all of the bytes. */
export function decodeRecord(name, bytes) {
  const fields = {};
  const end = read(bytes, 0, RECORDS[name], name, fields);
  if (end !== bytes.length) throw new ProtocolError("BadBody", `${name}: ${leftOver(bytes.length - end)} at byte ${end}`);
  return fields;
}

/**
 * Decode the declared fields into `into`, call `visit` for each one if given, and return the offset
 * after them. Offsets count from the frame's first byte.
 */
function read(bytes, at, declared, where, into, visit, prefix = "", depth = 0) {
  const view = viewOf(bytes);
  const fail = (path, text) => {
    throw new ProtocolError("BadBody", `${where}: ${path} ${text}`);
  };
  for (const [name, kind, doc, more] of declared) {
    const path = prefix + name, size = SIZES[kind], offset = at;
    const left = bytes.length - at;
    if (size > left) fail(path, `at byte ${at} needs ${size} bytes, but only ${left} are left`);
    let value =
      size === 8 ? view.getBigUint64(at) : size === 4 ? view.getUint32(at) : size === 2 ? view.getUint16(at) : bytes[at];
    at += size;
    if (kind === "list") {
      visit?.({name: path, kind, offset, length: size, prefix: size, value, text: `${value}`, doc, depth});
      const items = [];
      for (let i = 0; i < value; i++) {
        const item = {};
        at = read(bytes, at, RECORDS[more], where, item, visit, `${path}[${i}].`, depth + 1);
        items.push(item);
      }
      into[name] = items;
      continue;
    }
    let text;
    if (kind === "text" || kind === "blob") {
      if (value > bytes.length - at) {
        fail(path, `at byte ${offset} says it is ${value} bytes long, but only ${bytes.length - at} are left`);
      }
      const raw = bytes.subarray(at, at + value);
      at += value;
      if (kind === "text") {
        try {
          text = value = decoder.decode(raw);
        } catch {
          fail(path, `at byte ${offset} is not valid UTF-8`);
        }
      } else {
        value = raw.slice();
      }
    }
    into[name] = value;
    if (visit) {
      const prefixed = kind === "text" || kind === "blob" ? size : 0;
      text ??= textOf(kind, value, doc, more);
      visit({name: path, kind, offset, length: at - offset, prefix: prefixed, value, text, doc, depth});
    }
  }
  return at;
}

function textOf(kind, value, doc, choice) {
  if (kind === "blob") return [...value].map((byte) => hex(byte, 2)).join("");
  if (choice) return ENUMS[choice][value] ?? `${value}`;
  if (kind === "u64" && value && doc.includes("microseconds since 1970") && value < 8640000000000000000n) {
    return new Date(Number(value / 1000n)).toISOString();
  }
  return `${value}`;
}

/**
 * Return every field of one whole frame in order, first the header's, then the body's, as
 * [{name, kind, offset, length, prefix, value, text, doc, depth}]. The first `prefix` bytes hold the
 * length of a text or blob, or the count of a list; a list's items follow with `depth` + 1.
 */
export function walk(bytes) {
  const length = checkHeader(bytes, Infinity);
  if (bytes.length !== HEADER_SIZE + length) throw new ProtocolError("BadBody", "this is not one whole frame");
  const message = byType.get(bytes[3]);
  const found = HEADER.map(([name, offset, size, doc]) => {
    const raw = bytes.subarray(offset, offset + size);
    const value = name === "magic" ? decoder.decode(raw) : raw.reduce((n, byte) => n * 256 + byte, 0);
    const text =
      name === "type" ? message.name : name === "crc" ? `0x${hex(value, 8)}` : `${value}`;
    return {name, kind: name === "magic" ? "bytes" : `u${8 * size}`, offset, length: size, prefix: 0, value, text, doc, depth: 0};
  });
  const end = read(bytes, HEADER_SIZE, message.fields, message.name, {}, (span) => found.push(span));
  if (end !== bytes.length) throw new ProtocolError("BadBody", leftOver(bytes.length - end));
  return found;
}
