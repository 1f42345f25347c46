// The page's few icons, drawn by us on a grid of 16.

const PATHS = {
  alert: "M8 2 1.5 13.5h13L8 2Zm0 4.5v3.2M8 11.6v.1",
  arrow: "M3 8h9.5M9 4.5 12.5 8 9 11.5",
  auto: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 0v12",
  broken: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 2.8v3.8M8 11v.1",
  check: "m3 8.5 3.2 3.2L13 4.8",
  clock: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 3v3.2l2.2 1.5",
  cross: "m4 4 8 8M12 4l-8 8",
  info: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 5v4M8 4.9V5",
  moon: "M13 9.6A5.6 5.6 0 0 1 6.4 3 5.6 5.6 0 1 0 13 9.6Z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "m5 3.2 7.5 4.8L5 12.8V3.2Z",
  retry: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v2.8h-2.8",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9Zm3.3 7.8 3.2 3.2",
  slash: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM3.8 3.8l8.4 8.4",
  stop: "M4.5 4.5h7v7h-7z",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6ZM8 1v1.4M8 13.6V15M1 8h1.4M13.6 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  table: "M2.5 3.5h11v9h-11zM2.5 6.7h11M2.5 9.6h11M6.5 3.5v9",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
