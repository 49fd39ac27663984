// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/** Secrets that were read from a state: wiped when this is closed, unless somebody claims them. */
public final class UnclaimedSecrets implements AutoCloseable {
  private final Set<SecretBytes> secrets = Collections.newSetFromMap(new IdentityHashMap<>());

  /** Reads a secret, which stays here until {@link #claim}. */
  public SecretBytes read(StateReader in) throws StateException {
    SecretBytes secret = in.secret();
    secrets.add(secret);
    return secret;
  }

  /** Passes a secret that was read here to its new owner, who closes it. */
  public void claim(SecretBytes secret) {
    secrets.remove(secret);
  }

  @Override
  public void close() {
    secrets.forEach(SecretBytes::close);
    secrets.clear();
  }

  @Override
  public String toString() {
    return "UnclaimedSecrets[" + secrets.size() + "]";
  }
}
