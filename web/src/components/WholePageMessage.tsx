// The page before there is a store to show: connecting, unreachable, or no store at all.
import type { ReactNode } from "react";
import { Logo } from "./Logo";

interface Props {
  title: string;
  text?: string | null | undefined;
  busy?: boolean;
  children?: ReactNode;
}

export function WholePageMessage({ title, text, busy = false, children }: Props) {
  return (
    <main className="start-page centred" aria-busy={busy}>
      <Logo />
      <h1>{title}</h1>
      {text != null && text !== "" && <p>{text}</p>}
      {children}
    </main>
  );
}
