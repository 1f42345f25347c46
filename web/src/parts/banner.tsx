// What deserves a sentence above everything else: trouble, a pause, how the run came out.
import { figures, traffic } from "../state";
import { Icon } from "./icon";
import { stageWords } from "./outcome";

export function Banner() {
  if (traffic.value !== null)
    return <ServiceBanner trouble={traffic.value.trouble} active={traffic.value.active} />;
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

function ServiceBanner({ trouble, active }: { trouble: string | null; active: boolean }) {
  return (
    <div role="status">
      {trouble && (
        <p class="banner is-failed" data-testid="trouble">
          <Icon name="alert" />
          {trouble}
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
