// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.show;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.culvert.cli.command.Gateways;
import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.config.EngineConfig;
import dev.culvert.daemon.config.EspConfig;
import dev.culvert.daemon.steer.GatewayPlan;
import dev.culvert.daemon.steer.Network;
import dev.culvert.tunnel.gateway.CipherChoice;
import java.io.IOException;
import java.io.InputStream;
import java.net.DatagramSocket;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The checks of {@code culvert doctor}. They change nothing. */
final class MachineChecks {
  private static final int JDK = 25;
  private static final int CAP_NET_ADMIN = 12;
  private static final long WANTED_BUFFER = 4 << 20;
  private static final Pattern KERNEL = Pattern.compile("(\\d+)\\.(\\d+).*", Pattern.DOTALL);

  private final Machine machine;

  MachineChecks(Machine machine) {
    this.machine = machine;
  }

  List<Finding> all() {
    List<Finding> findings = new ArrayList<>();
    findings.add(java());
    findings.add(tun());
    findings.add(privileges());
    findings.add(kernel());
    findings.add(SegmentationCheck.finding(release(), gatewaysHere()));
    findings.add(cipher("cipher", AeadAlgorithm.CHACHA20_POLY1305));
    findings.add(cipher("ESP cipher", AeadAlgorithm.AES_GCM));
    findings.add(reversePathFilter());
    findings.add(guard());
    findings.addAll(blindSpots());
    findings.add(ipv6());
    findings.add(socketBuffers());
    findings.add(port("UDP port", EngineConfig.WireGuard.DEFAULT_PORT));
    findings.add(port("ESP port", EspConfig.DEFAULT_PORT));
    findings.add(new SocketCheck(machine).finding());
    findings.add(new QueueCheck(machine).finding());
    return findings;
  }

  private static Finding java() {
    int version = Runtime.version().feature();
    String found = Runtime.version() + " (" + System.getProperty("java.vm.name") + ")";
    return version >= JDK
        ? Finding.ok("Java", found)
        : Finding.fail("Java", found, "install a JDK of version " + JDK + " or later");
  }

  private static Finding tun() {
    Path device = Path.of("/dev/net/tun");
    if (!Files.exists(device)) {
      return Finding.fail(
          "TUN",
          device + " does not exist",
          "modprobe tun; in a container, run it with --device /dev/net/tun");
    }
    return Files.isWritable(device)
        ? Finding.ok("TUN", device.toString())
        : Finding.fail("TUN", device + " cannot be opened", "run as root");
  }

  private static Finding privileges() {
    for (String line : read(Path.of("/proc/self/status")).split("\n", -1)) {
      if (line.startsWith("CapEff:")) {
        long capabilities = Long.parseUnsignedLong(line.substring(7).strip(), 16);
        if ((capabilities >> CAP_NET_ADMIN & 1) != 0) {
          return Finding.ok("privileges", "CAP_NET_ADMIN");
        }
      }
    }
    return Finding.fail(
        "privileges", "no CAP_NET_ADMIN", "run as root, or give the container NET_ADMIN");
  }

  /** UDP_SEGMENT came with 4.18, UDP_GRO with 5.0, USO on TUN devices with 6.2. */
  private static Finding kernel() {
    String release = release();
    int number = kernelNumber(release);
    if (number >= 602) {
      return Finding.ok("kernel", release + ": TSO and USO on the tunnel, GSO and GRO on UDP");
    }
    return number >= 500
        ? Finding.warn(
            "kernel",
            release + ": no USO on the tunnel, UDP inside it is slower",
            "Linux 6.2 or later has it")
        : Finding.warn(
            "kernel", release + ": no GRO on UDP, receiving is slow", "Linux 6.2 is recommended");
  }

  private static String release() {
    return read(Path.of("/proc/sys/kernel/osrelease")).strip();
  }

  /** 602 for 6.2, 0 for an unknown release. */
  private static int kernelNumber(String release) {
    Matcher version = KERNEL.matcher(release);
    return version.matches()
        ? 100 * Integer.parseInt(version.group(1)) + Integer.parseInt(version.group(2))
        : 0;
  }

  private static Finding cipher(String subject, AeadAlgorithm algorithm) {
    try {
      AeadBackends.Selection selection = CipherChoice.compare(algorithm);
      return Finding.ok(
          subject,
          selection.candidates().stream()
              .map(AeadBackends.Candidate::toString)
              .collect(Collectors.joining(", ")));
    } catch (IllegalStateException e) {
      return Finding.fail(
          subject, Objects.toString(e.getMessage()), "use another JDK, and report this");
    }
  }

  private static Finding reversePathFilter() {
    String all = read(Path.of("/proc/sys/net/ipv4/conf/all/rp_filter")).strip();
    return all.equals("1")
        ? Finding.warn(
            "rp_filter",
            "strict: 'culvert up' marks arriving packets for that; beside 'culvert wg' it drops"
                + " tunnel packets whose sender is routed elsewhere",
            "with 'culvert wg': sysctl -w net.ipv4.conf.all.rp_filter=2")
        : Finding.ok("rp_filter", all.equals("2") ? "loose" : "off");
  }

  /**
   * Tries the guard out, since the rules that nft accepts depend on its version, the kernel's
   * version and the kernel's modules.
   */
  private Finding guard() {
    Optional<Path> nft =
        Stream.concat(
                Stream.of(
                    Objects.requireNonNullElse(System.getenv("PATH"), "/usr/bin:/bin")
                        .split(":", -1)),
                Stream.of("/usr/sbin", "/sbin"))
            .map(folder -> Path.of(folder, "nft"))
            .filter(Files::isExecutable)
            .findFirst();
    if (nft.isEmpty()) {
      return Finding.fail(
          "guard", "no nft: 'culvert up' does not start without a guard", "install nftables");
    }
    return machine
        .network()
        .guardFault()
        .map(
            fault ->
                Finding.fail(
                    "guard", fault, "'culvert up' does not start before; 'culvert wg' needs none"))
        .orElseGet(() -> Finding.ok("guard", nft.get().toString()));
  }

  /**
   * Looks on the devices of the default route. Only a configuration says which other devices lead
   * to nodes.
   */
  private List<Finding> blindSpots() {
    try {
      Network network = machine.network();
      List<Finding> findings =
          network.blindSpots(GatewayPlan.defaultUnderlay(network)).stream()
              .map(
                  found ->
                      Finding.fail(
                          "datapath",
                          found.toString(),
                          "'culvert up' refuses strict configurations without 'spec.strict.accept: ["
                              + found.spot()
                              + "]'"))
              .toList();
      return findings.isEmpty()
          ? List.of(Finding.ok("datapath", "nothing takes packets past the guard"))
          : findings;
    } catch (IOException e) {
      return List.of(
          Finding.warn("datapath", "cannot be looked at: " + e.getMessage(), "run as root"));
    }
  }

  private static Finding ipv6() {
    Path off = Path.of("/proc/sys/net/ipv6/conf/all/disable_ipv6");
    return read(off).strip().equals("0")
        ? Finding.ok("IPv6", "on")
        : Finding.warn(
            "IPv6",
            "off: no IPv6 through the tunnel, and none below it",
            "sysctl -w net.ipv6.conf.all.disable_ipv6=0, if you need it");
  }

  private static Finding socketBuffers() {
    String max = read(Path.of("/proc/sys/net/core/rmem_max")).strip();
    if (max.isEmpty() || Long.parseLong(max) >= WANTED_BUFFER) {
      return Finding.ok("UDP buffers", max.isEmpty() ? "not to be seen from here" : max + " bytes");
    }
    return Finding.warn(
        "UDP buffers",
        "at most " + max + " bytes unless run as root: bursts are lost",
        "sysctl -w net.core.rmem_max=" + WANTED_BUFFER);
  }

  private Finding port(String subject, int wanted) {
    try (DatagramSocket probe = new DatagramSocket(wanted)) {
      return Finding.ok(subject, probe.getLocalPort() + " is free");
    } catch (SocketException e) {
      return gatewayAt(wanted)
          .map(gateway -> Finding.ok(subject, wanted + " is that of " + gateway))
          .orElseGet(
              () ->
                  Finding.warn(
                      subject,
                      wanted + " is in use",
                      "give each gateway a listenPort of its own (ss -ulpn shows who has it)"));
    }
  }

  /** The gateway of this network namespace that listens at {@code port}. */
  private Optional<String> gatewayAt(int port) {
    return gatewaysHere().stream()
        .filter(gateway -> gateway.listenPort() == port)
        .map(GatewayView::interfaceName)
        .findFirst();
  }

  /** The gateways of this network namespace; none if they cannot be asked. */
  private List<GatewayView> gatewaysHere() {
    try {
      return new Gateways(machine).askHere();
    } catch (IOException e) {
      return List.of(); // A port is then somebody's who has to be looked for.
    }
  }

  /**
   * A file of /proc, empty if it cannot be read: each check explains an empty one. It is read in
   * one call, since the kernel gives a number, whole or cut, to the first call only.
   */
  private static String read(Path file) {
    byte[] text = new byte[8192];
    try (InputStream in = Files.newInputStream(file)) {
      return new String(text, 0, Math.max(0, in.read(text)), US_ASCII);
    } catch (IOException e) {
      return "";
    }
  }
}
