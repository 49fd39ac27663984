// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;

/** The epochs of both ends for one exchange. */
record Epochs(Epoch initiator, Epoch responder) {
  void save(StateWriter out) {
    initiator.save(out);
    responder.save(out);
  }

  static Epochs read(StateReader in) throws StateException {
    return new Epochs(Epoch.read(in), Epoch.read(in));
  }
}
