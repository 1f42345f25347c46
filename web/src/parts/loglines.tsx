// Lines of the activity log; a line about a message leads to it.
import type { Level, LogLine } from "../api/types";
import { clock } from "../format";
import { href } from "../route";
import { Icon, type IconName } from "./icon";

const LOOKS: Record<Level, [icon: IconName, colour: string, word: string]> = {
  info: ["info", "is-quiet", "Info"],
  warn: ["alert", "is-retry", "Warning"],
  error: ["cross", "is-failed", "Error"],
};

export function LogLines({ lines, label }: { lines: LogLine[]; label: string }) {
  return (
    <ol class="log" aria-label={label}>
      {lines.map(line => (
        <Line key={line.number} line={line} />
      ))}
    </ol>
  );
}

function Line({ line }: { line: LogLine }) {
  const [icon, colour, word] = LOOKS[line.level];
  return (
    <li data-testid="log-line" data-level={line.level}>
      <time dateTime={line.at}>{clock(line.at)}</time>
      <span class={`status-icon ${colour}`} title={word}>
        <Icon name={icon} />
        <span class="visually-hidden">{word}:</span>
      </span>
      {line.id ? (
        <a class="plain" href={href(["recipients", line.id])}>
          {line.message}
        </a>
      ) : (
        <span>{line.message}</span>
      )}
    </li>
  );
}
