// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import org.junit.jupiter.api.Test;

final class UnclaimedSecretsTest {
  @Test
  void onlyClaimedSecretsOutliveTheReading() throws StateException {
    byte[] key = {1, 2, 3, 4};
    SecretBytes claimed;
    SecretBytes left;
    try (StateWriter out = new StateWriter();
        UnclaimedSecrets secrets = new UnclaimedSecrets()) {
      out.secret(SecretBytes.copyOf(key)).secret(SecretBytes.copyOf(key));
      StateReader in = new StateReader(out.written());
      claimed = secrets.read(in);
      left = secrets.read(in);
      secrets.claim(claimed);
      assertFalse(secrets.toString().contains("1, 2"));
    }
    assertArrayEquals(key, claimed.toByteArray());
    assertThrows(IllegalStateException.class, left::toByteArray);
    claimed.close();
  }
}
