// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.interop;

import dev.culvert.cli.kit.ManualEspGateway.Sa;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.LabException;
import dev.culvert.lab.net.Namespace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * strongSwan's daemon with its own ESP in userspace (kernel-libipsec), which always has UDP around
 * it. Each runs with a /run of its own, since its pid file has a fixed name.
 */
final class Charon implements AutoCloseable {
  private static final Path PROGRAM = Path.of("/usr/lib/ipsec/charon");
  private static final Path PLUGIN =
      Path.of("/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so");

  /** At this level it tells the keys of its SAs. */
  private static final int KEYS = 4;

  private final Namespace namespace;
  private final Path folder;
  private final Daemon daemon;

  /** Skips the test if strongSwan is not installed. */
  static void required() {
    Requirements.needs(
        Files.isExecutable(PROGRAM), "strongSwan is not installed (strongswan-charon)");
    Requirements.needs(
        Files.exists(PLUGIN), "kernel-libipsec is not installed (libcharon-extra-plugins)");
    Requirements.tool("swanctl");
  }

  /**
   * Starts it and waits until it takes commands.
   *
   * @param cipher as in {@code aes128gcm16}
   */
  Charon(
      Namespace namespace,
      String local,
      String remote,
      List<String> localNets,
      List<String> remoteNets,
      String cipher) {
    this.namespace = namespace;
    try {
      folder = Files.createTempDirectory("culvert-charon");
      Files.writeString(folder.resolve("strongswan.conf"), settings());
      Files.writeString(
          folder.resolve("swanctl.conf"), connection(local, remote, localNets, remoteNets, cipher));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    daemon =
        namespace.start(
            environment(), List.of("sh", "-c", "mount -t tmpfs tmpfs /run && exec " + PROGRAM));
    daemon.await(
        "its socket",
        Commands.PATIENCE,
        () ->
            swanctl("--load-all", "--noprompt", "--file", folder.resolve("swanctl.conf").toString())
                .succeeded());
  }

  private static String settings() {
    return """
      charon {
        load = aes gcm openssl random nonce hmac sha2 kdf kernel-libipsec kernel-netlink \
      socket-default vici updown
        filelog {
          stderr {
            default = 1
            chd = %d
            flush_line = yes
          }
        }
        plugins {
          kernel-libipsec {
            load = yes
          }
          vici {
            socket = unix:///run/charon.vici
          }
        }
      }
      swanctl {
        load = random nonce
      }
      """
        .formatted(KEYS);
  }

  private static String connection(
      String local, String remote, List<String> localNets, List<String> remoteNets, String cipher) {
    return """
      connections {
        peer {
          version = 2
          local_addrs = %s
          remote_addrs = %s
          encap = yes
          mobike = no
          rekey_time = 0
          proposals = aes128-sha256-ecp256
          local {
            auth = psk
          }
          remote {
            auth = psk
          }
          children {
            tunnel {
              local_ts = %s
              remote_ts = %s
              esp_proposals = %s-noesn
              rekey_time = 0
            }
          }
        }
      }
      secrets {
        ike-both {
          secret = "only for this test"
        }
      }
      """
        .formatted(
            local, remote, String.join(",", localNets), String.join(",", remoteNets), cipher);
  }

  private Map<String, String> environment() {
    return Map.of(
        "STRONGSWAN_CONF", folder.resolve("strongswan.conf").toString(),
        "SWANCTL_DIR", folder.toString());
  }

  private Commands.Result swanctl(String... arguments) {
    String pid = Long.toString(daemon.pid());
    List<String> command = new ArrayList<>(List.of("nsenter", "-t", pid, "-m", "swanctl"));
    command.addAll(List.of(arguments));
    return namespace.attempt(Commands.PATIENCE, environment(), command);
  }

  /** Has the two daemons agree on SAs. */
  void initiate() {
    swanctl("--initiate", "--child", "tunnel").orThrow();
  }

  /** The SA under which the initiator sends. */
  Sa fromInitiator() {
    return new Sa(spi("_o"), key("initiator"));
  }

  /** The SA under which the initiator receives. */
  Sa toInitiator() {
    return new Sa(spi("_i"), key("responder"));
  }

  private int spi(String suffix) {
    return Integer.parseUnsignedInt(
        find("CHILD_SA tunnel\\{\\d+} established with SPIs.*?\\b([0-9a-f]{8})" + suffix), 16);
  }

  /** Key and salt from the dump of bytes in the log, sixteen a line. */
  private String key(String side) {
    String begin = "encryption " + side + " key => \\d+ bytes @ \\S+\n";
    String dump = find(begin + "((?:.*?\\[CHD].*? +\\d+: (?:[0-9A-F]{2} ?)+.*\n)+)");
    StringBuilder hex = new StringBuilder();
    Matcher line = Pattern.compile(" +\\d+: ((?:[0-9A-F]{2} )+)").matcher(dump);
    while (line.find()) {
      hex.append(line.group(1).replace(" ", ""));
    }
    return hex.toString();
  }

  private String find(String pattern) {
    Matcher found = Pattern.compile(pattern).matcher(daemon.output());
    if (!found.find()) {
      throw new LabException("charon's log has no " + pattern);
    }
    return found.group(1);
  }

  boolean isAlive() {
    return daemon.isAlive();
  }

  /** Ends it so that it has no time to tell its peer, who keeps the SAs. */
  void kill() {
    daemon.signal("KILL");
    daemon.awaitEnd(Commands.PATIENCE);
  }

  @Override
  public void close() {
    daemon.close();
    try {
      for (String file : List.of("strongswan.conf", "swanctl.conf")) {
        Files.delete(folder.resolve(file));
      }
      Files.delete(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
