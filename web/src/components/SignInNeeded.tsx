// Shown when the server does not know this browser: how to get in.
import { Icon } from "./Icon";
import { Logo } from "./Logo";

export function SignInNeeded() {
  return (
    <main className="start-page centred">
      <Logo />
      <span className="start-icon">
        <Icon name="key" size={24} />
      </span>
      <h1>Open the link printed in the terminal</h1>
      <p>
        Tradewind printed a link when it started, like <code>{window.location.origin}/?token=…</code>. Open it once in this browser; afterwards this
        address works by itself.
      </p>
      <p className="hint">Lost it? Restart Tradewind and it prints a fresh one.</p>
      <button
        type="button"
        className="button"
        onClick={() => {
          window.location.reload();
        }}
      >
        I have opened it: try again
      </button>
    </main>
  );
}
