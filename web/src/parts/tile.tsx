// How many messages have one status, with the way to them.
import type { Status } from "../api/types";
import { count, statusWord } from "../format";
import { StatusIcon } from "./badge";

interface TileProps {
  status: Status;
  number: number;
  note: string;
  /** Where they are listed; those that are gone are not. */
  link?: string;
}

export function Tile({ status, number, note, link }: TileProps) {
  return (
    <li>
      <a class={`status-tile is-${status}`} {...(link !== undefined && { href: link })}>
        <span class="status-name">
          <StatusIcon status={status} />
          {statusWord(status)}
        </span>
        <span class="stat-value" data-testid={`stat-${status}`} data-value={number}>
          {count(number)}
        </span>
        <span class="stat-note">{note}</span>
      </a>
    </li>
  );
}
