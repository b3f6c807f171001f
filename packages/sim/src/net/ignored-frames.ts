import type { FrameHandler } from "@astranet/frame";

const ignore = (): void => undefined;

/** What takes every frame and does nothing, for those who listen to some of them only: `{ ...ignoredFrames, ping: … }`. */
export const ignoredFrames: FrameHandler = {
  data: ignore,
  payload: ignore,
  dataEnd: ignore,
  rst: ignore,
  windowIncrement: ignore,
  goAway: ignore,
  settings: ignore,
  ping: ignore,
  open: ignore,
  accept: ignore,
  stop: ignore,
  link: ignore,
  reason: ignore,
  skipped: ignore,
};
