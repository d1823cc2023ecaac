"""Plans, diagnostics and events to text. Every function returns str; nothing is printed."""
