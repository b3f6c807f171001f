import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

interface Row {
  readonly local: string;
  readonly remote: string;
  readonly inode: string;
}

const established = "01";

/** How many TCP connections two processes have with each other, by the system's own list; undefined where it has none to read. */
export function countSockets(one: number, other: number): number | undefined {
  if (!existsSync("/proc/net/tcp")) return undefined;
  const rows = ["/proc/net/tcp", "/proc/net/tcp6"].filter(existsSync).flatMap(rowsOf);
  const ofOne = socketsOf(one);
  const ofOther = socketsOf(other);
  const theirs = new Set(rows.filter(({ inode }) => ofOther.has(inode)).map(({ local, remote }) => `${remote} ${local}`));
  return rows.filter(({ inode, local, remote }) => ofOne.has(inode) && theirs.has(`${local} ${remote}`)).length;
}

function rowsOf(path: string): Row[] {
  const lines = readFileSync(path, "utf8").trim().split("\n").slice(1);
  return lines.flatMap((line) => {
    const [, local = "", remote = "", state = "", , , , , , inode = ""] = line.trim().split(/\s+/);
    return state === established ? [{ local, remote, inode }] : [];
  });
}

/** The inodes of a process's sockets. */
function socketsOf(pid: number): Set<string> {
  const folder = `/proc/${String(pid)}/fd`;
  const inodes = readdirSync(folder).map((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${fd}`))?.[1] ?? "";
    } catch {
      // Closed meanwhile.
      return "";
    }
  });
  return new Set(inodes);
}
