// Tradewind's mark and name.
export function Logo() {
  return (
    <span className="logo">
      <svg width="24" height="24" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
        <rect width="32" height="32" rx="8" className="logo-ground" />
        <path
          d="M7 12.5h11.5a3 3 0 1 0-3-3M7 17h16a3 3 0 1 1-3 3M7 21.5h7.5a2.5 2.5 0 1 1-2.5 2.5"
          fill="none"
          className="logo-wind"
          strokeWidth="2.2"
          strokeLinecap="round"
        />
      </svg>
      <span className="logo-name">Tradewind</span>
    </span>
  );
}
