// A share as a bar, with its words beside it.
import type { Status } from "../api/types";

interface BarProps {
  /** 0 to 1. */
  part: number;
  text: string;
  colour?: Status;
}

export function Bar({ part, text, colour = "sent" }: BarProps) {
  return (
    <span class="bar-cell">
      <svg class={`share is-${colour}`} viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        <rect class="share-track" width="100" height="6" />
        <rect class="share-part" width={Math.min(1, part) * 100} height="6" />
      </svg>
      <span>{text}</span>
    </span>
  );
}
