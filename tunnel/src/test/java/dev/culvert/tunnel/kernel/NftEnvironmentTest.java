// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** nft is given no variable of the service manager. */
final class NftEnvironmentTest {
  @Test
  void onlyThePathIsKept() {
    Map<String, String> environment =
        new HashMap<>(
            Map.of(
                "PATH", "/usr/sbin",
                "NOTIFY_SOCKET", "/run/systemd/notify",
                "WATCHDOG_USEC", "1",
                "CREDENTIALS_DIRECTORY", "/run/credentials/x",
                "CULVERT_JAVA_OPTS", "-Xint"));
    Nft.keepOnlyPath(environment);
    assertEquals(Map.of("PATH", "/usr/sbin"), environment);
    environment.clear();
    Nft.keepOnlyPath(environment);
    assertEquals(Map.of(), environment);
  }
}
