// Pause, resume, cancel, retry: offered when whoever carries them out says they mean something, each asks first.
import { useSignal } from "@preact/signals";
import * as client from "../api/client";
import type { ControlAction, Figures } from "../api/types";
import { actionWord } from "../format";
import { announce, connection, figures, possible } from "../state";
import { reason } from "./answer";
import { consequence, done } from "./consequence";
import { Dialog } from "./dialog";
import { Icon, type IconName } from "./icon";

const ACTIONS: [ControlAction, IconName][] = [
  ["pause", "pause"],
  ["resume", "play"],
  ["retry_failed", "retry"],
  ["cancel", "stop"],
];

export function Controls() {
  const asked = useSignal<ControlAction | null>(null);
  const shown = figures.value;
  if (shown === null) return null;
  const isLive = connection.value.state === "live";
  return (
    <div class="controls" role="group" aria-label="Control the run">
      {ACTIONS.map(([action, icon]) => (
        <button
          type="button"
          key={action}
          data-testid={`control-${action}`}
          disabled={!isLive || !possible.value.includes(action)}
          onClick={() => (asked.value = action)}
        >
          <Icon name={icon} />
          {actionWord(action)}
        </button>
      ))}
      {asked.value && <Question action={asked.value} shown={shown} onClose={() => (asked.value = null)} />}
    </div>
  );
}

interface QuestionProps {
  action: ControlAction;
  shown: Figures;
  onClose: () => void;
}

function Question({ action, shown, onClose }: QuestionProps) {
  const isBusy = useSignal(false);
  const { title, effects, confirm } = consequence(action, shown);

  async function carryOut(): Promise<void> {
    isBusy.value = true;
    try {
      await client.act(shown.job_id, action);
      announce("done", done(action));
    } catch (error) {
      announce("problem", `${actionWord(action)}: ${reason(error)}`);
    }
    onClose();
  }

  return (
    <Dialog title={title} onClose={onClose}>
      <ul class="effects">
        {effects.map(effect => (
          <li key={effect}>{effect}</li>
        ))}
      </ul>
      <p class="faint">It is written into the run's log, with the time and your address.</p>
      <div class="dialog-foot">
        <button type="button" onClick={onClose}>
          Leave it as it is
        </button>
        <button
          type="button"
          class={action === "cancel" ? "danger" : "primary"}
          data-testid="confirm"
          disabled={isBusy.value}
          onClick={() => void carryOut()}
        >
          {confirm}
        </button>
      </div>
    </Dialog>
  );
}
