// What deserves a sentence above everything else: trouble, a pause, how the run came out.
import { figures } from "../state";
import { Icon } from "./icon";
import { stageWords } from "./outcome";

export function Banner() {
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
