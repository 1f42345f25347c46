// What deserves a sentence above everything else: trouble, a pause, how the run came out.
import type { Traffic } from "../api/service";
import { figures, traffic } from "../state";
import { Icon } from "./icon";
import { stageWords } from "./outcome";

export function Banner() {
  if (traffic.value !== null) return <ServiceBanner {...traffic.value} />;
  const shown = figures.value;
  if (shown === null) return null;
  const words = stageWords(shown);
  return (
    <>
      <div role="status">
        {shown.trouble && (
          <p class="banner is-failed" data-testid="trouble">
            <Icon name="alert" />
            {shown.trouble}
          </p>
        )}
      </div>
      {words && (
        <p class={`banner is-${words.colour}`} data-testid="banner">
          <Icon name={words.icon} />
          {words.text}
        </p>
      )}
    </>
  );
}

function ServiceBanner({ trouble, active, delivering }: Traffic) {
  return (
    <div role="status">
      {trouble && (
        <p class="banner is-failed" data-testid="trouble">
          <Icon name="alert" />
          {trouble}
        </p>
      )}
      {!delivering && (
        <p class="banner is-failed" data-testid="nobody-delivers">
          <Icon name="alert" />
          No living process delivers: what is accepted waits until one does.
        </p>
      )}
      {!active && (
        <p class="banner is-pending" data-testid="banner">
          <Icon name="pause" />
          Sending is suspended: what is accepted waits until it is activated.
        </p>
      )}
    </div>
  );
}
