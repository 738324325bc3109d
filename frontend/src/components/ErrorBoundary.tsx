import { Component, type ReactNode } from "react";
import { messageOf } from "../lib/api";

/** Keeps a fault in one island from leaving a blank page. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return (
      <div className="notice notice-error" role="alert">
        <div>
          <strong>This part of the page stopped working.</strong>
          <p className="text-muted">{messageOf(this.state.error)} Reload the page to try again.</p>
        </div>
      </div>
    );
  }
}
