// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

/** A change in the kernel, made by this or by any other program. */
public sealed interface LinkEvent {
  /** An interface appeared. */
  record Added(Links.Link link) implements LinkEvent {}

  /** An interface is gone. */
  record Gone(Links.Link link) implements LinkEvent {}

  /** An interface changed; the two links are never equal. */
  record Changed(Links.Link before, Links.Link after) implements LinkEvent {}

  /**
   * An interface of another network namespace changed; see {@link LinkMonitor#hearEverywhere}.
   *
   * @param interfaceIndex 0 if any may have changed
   */
  record Elsewhere(int interfaceIndex) implements LinkEvent {}

  /** An address was added to the interface of that index, or removed from it. */
  record AddressesChanged(int interfaceIndex) implements LinkEvent {}

  /** A route was added, replaced or deleted. */
  record RoutesChanged() implements LinkEvent {}

  /** A policy routing rule was added or deleted. */
  record RulesChanged() implements LinkEvent {}
}
