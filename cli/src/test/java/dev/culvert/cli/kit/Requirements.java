// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import static org.junit.jupiter.api.Assertions.fail;

import dev.culvert.lab.kubernetes.KubernetesPrograms;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.LabException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/**
 * Tools and rights that a test needs. If one is absent the test skips and says why; in continuous
 * integration, where nobody reads the list of skipped tests, it fails.
 */
public final class Requirements {
  private static final boolean CONTINUOUS_INTEGRATION = "true".equals(System.getenv("CI"));

  private Requirements() {}

  /** Root, the TUN device, and the tools that make namespaces and drive WireGuard. */
  public static void namespaces() {
    needs("root".equals(System.getProperty("user.name")), "network namespaces need root");
    needs(Files.exists(Path.of("/dev/net/tun")), "no /dev/net/tun");
    for (String tool : new String[] {"ip", "ping", "sysctl", "wg", "tcpdump"}) {
      tool(tool);
    }
  }

  /** The programs of Kubernetes' control plane. The first call may take minutes. */
  public static KubernetesPrograms kubernetes() {
    tool("curl");
    tool("openssl");
    try {
      return KubernetesPrograms.build(Culvert.launcher(""));
    } catch (LabException e) {
      needs(false, String.valueOf(e.getMessage()));
      throw e;
    }
  }

  public static void tool(String tool) {
    needs(Commands.find(tool).isPresent(), tool + " is not installed");
  }

  public static void needs(boolean present, String reason) {
    if (!present && CONTINUOUS_INTEGRATION) {
      fail("in continuous integration nothing may skip, but: " + reason);
    }
    if (!present) { // Surefire does not tell of a whole class that is skipped.
      System.err.println("skipped: " + reason);
    }
    Assumptions.assumeTrue(present, reason);
  }

  /** Some of the scenarios cannot run, while others can. */
  public static void absent(String reason) {
    if (CONTINUOUS_INTEGRATION) {
      fail("in continuous integration nothing may be left out, but: " + reason);
    }
    System.err.println("left out: " + reason);
  }
}
