// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import java.util.function.UnaryOperator;

/** The place of a gateway's state, which any thread reads as one value. */
final class StateInForce {
  private volatile GatewayState state;

  StateInForce(GatewayState first) {
    state = first;
  }

  GatewayState get() {
    return state;
  }

  /** Puts the next state in force. */
  synchronized void change(UnaryOperator<GatewayState> next) {
    state = next.apply(state);
  }
}
