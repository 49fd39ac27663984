package dev.culvert.tunnel.kernel;

/** What changed in the kernel, by other hands or by ours. */
public sealed interface LinkEvent {
  /** An interface appeared. */
  record Added(Links.Link link) implements LinkEvent {}

  /** An interface is gone. */
  record Gone(Links.Link link) implements LinkEvent {}

  /** Something about an interface is not as it was; never two equal links. */
  record Changed(Links.Link before, Links.Link after) implements LinkEvent {}

  /**
   * Something about an interface of another network namespace is not as it was; see {@link
   * LinkMonitor#hearEverywhere}.
   *
   * @param interfaceIndex 0 when any may have changed
   */
  record Elsewhere(int interfaceIndex) implements LinkEvent {}

  /** An address was added to the interface of that index, or taken from it. */
  record AddressesChanged(int interfaceIndex) implements LinkEvent {}

  /** A route was added, replaced or deleted. */
  record RoutesChanged() implements LinkEvent {}

  /** A policy routing rule was added or deleted. */
  record RulesChanged() implements LinkEvent {}
}
