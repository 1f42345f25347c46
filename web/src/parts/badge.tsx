// A message's status and a run's stage: a word, a shape and a colour.
import type { Stage, Status } from "../api/types";
import { stageWord, statusWord } from "../format";
import { Icon, type IconName } from "./icon";

const STATUS_ICONS: Record<Status, IconName> = {
  pending: "clock",
  sending: "arrow",
  sent: "check",
  failed: "cross",
  retry: "retry",
  cancelled: "slash",
};

const STAGE_LOOKS: Record<Stage, [icon: IconName, colour: Status]> = {
  starting: ["clock", "pending"],
  sending: ["arrow", "sending"],
  paused: ["pause", "pending"],
  stopping: ["stop", "retry"],
  completed: ["check", "sent"],
  interrupted: ["stop", "retry"],
  unreachable: ["broken", "failed"],
  cancelled: ["slash", "cancelled"],
  failed: ["cross", "failed"],
};

export function StatusIcon({ status }: { status: Status }) {
  return (
    <span class={`status-icon is-${status}`}>
      <Icon name={STATUS_ICONS[status]} />
    </span>
  );
}

export function StatusBadge({ status }: { status: Status }) {
  return (
    <span class={`badge is-${status}`} data-status={status}>
      <Icon name={STATUS_ICONS[status]} />
      {statusWord(status)}
    </span>
  );
}

export function StageBadge({ stage }: { stage: Stage }) {
  const [icon, colour] = STAGE_LOOKS[stage];
  return (
    <span class={`badge is-${colour}`} data-testid="stage" data-value={stage}>
      <Icon name={icon} />
      {stageWord(stage)}
    </span>
  );
}
