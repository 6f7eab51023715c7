// What a card says when it has nothing to draw: an icon, a sentence, perhaps a way out.
import type { ReactNode } from "react";
import { Icon, type IconName } from "./Icon";

interface Props {
  icon: IconName;
  message: string;
  hint?: string | undefined;
  /** Announce it: something went wrong. */
  alert?: boolean;
  children?: ReactNode;
}

export function CardMessage({ icon, message, hint, alert = false, children }: Props) {
  return (
    <div className="card-message" role={alert ? "alert" : undefined}>
      <Icon name={icon} size={20} />
      <p>{message}</p>
      {hint !== undefined && hint !== "" && <p className="hint">{hint}</p>}
      {children}
    </div>
  );
}
