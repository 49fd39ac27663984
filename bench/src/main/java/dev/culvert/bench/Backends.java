// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.tunnel.gateway.CipherChoice;

/** Backends by name, as a gateway has them after its first seconds. */
final class Backends {
  private Backends() {}

  /**
   * The backend of this name, compiled: a backend that starts slowly takes seconds until the JIT is
   * done with it, and would be measured half interpreted.
   */
  static AeadBackend warm(AeadAlgorithm algorithm, String name) {
    CipherChoice.select(algorithm);
    return AeadBackends.all().stream()
        .filter(backend -> backend.supports(algorithm) && backend.name().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("this JVM has no backend " + name));
  }
}
