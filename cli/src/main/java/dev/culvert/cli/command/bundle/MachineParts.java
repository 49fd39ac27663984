// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.bundle;

import dev.culvert.cli.command.Version;
import dev.culvert.cli.command.show.DoctorCommand;
import dev.culvert.daemon.Machine;
import dev.culvert.routing.plan.GuardText;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/** The parts of a bundle that are about the machine and this network namespace. */
final class MachineParts {
  private static final Path SETTINGS = Path.of("/proc/sys");

  /** Settings of the whole namespace that change the fate of packets. */
  private static final List<String> GLOBAL =
      List.of(
          "net/core/rmem_default",
          "net/core/rmem_max",
          "net/core/wmem_default",
          "net/core/wmem_max",
          "net/core/netdev_max_backlog",
          "net/core/somaxconn",
          "net/ipv4/ip_forward",
          "net/ipv4/ip_local_port_range",
          "net/ipv4/ip_no_pmtu_disc",
          "net/ipv4/tcp_mtu_probing",
          "net/netfilter/nf_conntrack_count",
          "net/netfilter/nf_conntrack_max",
          "kernel/osrelease",
          "kernel/random/boot_id",
          "vm/overcommit_memory",
          "fs/file-nr");

  /** Settings of each device, for IPv4. */
  private static final List<String> OF_DEVICE_V4 =
      List.of("rp_filter", "src_valid_mark", "forwarding", "accept_local", "arp_ignore");

  /** Settings of each device, for IPv6. */
  private static final List<String> OF_DEVICE_V6 = List.of("disable_ipv6", "forwarding", "mtu");

  private final Archive archive;
  private final Machine machine;

  MachineParts(Archive archive, Machine machine) {
    this.archive = archive;
    this.machine = machine;
  }

  void gather() throws IOException {
    archive.gather("version.txt", MachineParts::version);
    archive.gather(
        "doctor.json", () -> CommandOutput.of(new DoctorCommand(machine), "--output", "json"));
    archive.gather("nft.txt", MachineParts::nft);
    archive.gather("ip-address.txt", () -> Tool.output("ip", "-details", "address"));
    for (String family : List.of("-4", "-6")) {
      archive.gather("ip" + family + "-rule.txt", () -> Tool.output("ip", family, "rule"));
      archive.gather(
          "ip" + family + "-route.txt",
          () -> Tool.output("ip", family, "route", "show", "table", "all"));
    }
    archive.gather("sysctl.txt", MachineParts::settings);
  }

  private static String version() throws IOException {
    Path system = Path.of("/etc/os-release");
    return String.join("\n", new Version().getVersion())
        + "\n"
        + Files.readString(Path.of("/proc/version"))
        + (Files.exists(system) ? Files.readString(system) : "");
  }

  /** Our tables only: those of others are no business of ours. */
  private static String nft() throws IOException, InterruptedException {
    StringBuilder text = new StringBuilder();
    for (String table : Tool.output("nft", "list", "tables").lines().toList()) {
      String[] words = table.strip().split(" ", -1);
      if (words.length == 3 && words[2].equals(GuardText.TABLE)) {
        text.append(Tool.output("nft", "list", "table", words[1], words[2]));
      }
    }
    return text.isEmpty() ? "there is no table '" + GuardText.TABLE + "' here\n" : text.toString();
  }

  private static String settings() throws IOException {
    StringBuilder text = new StringBuilder();
    GLOBAL.forEach(key -> setting(key, text));
    for (String device : devices("net/ipv4/conf")) {
      OF_DEVICE_V4.forEach(key -> setting("net/ipv4/conf/" + device + "/" + key, text));
    }
    for (String device : devices("net/ipv6/conf")) {
      OF_DEVICE_V6.forEach(key -> setting("net/ipv6/conf/" + device + "/" + key, text));
    }
    return text.toString();
  }

  private static SortedSet<String> devices(String folder) throws IOException {
    SortedSet<String> names = new TreeSet<>();
    if (Files.isDirectory(SETTINGS.resolve(folder))) {
      try (DirectoryStream<Path> devices = Files.newDirectoryStream(SETTINGS.resolve(folder))) {
        devices.forEach(device -> names.add(String.valueOf(device.getFileName())));
      }
    }
    return names;
  }

  private static void setting(String key, StringBuilder text) {
    String value;
    try {
      value = Files.readString(SETTINGS.resolve(key)).strip();
    } catch (IOException e) {
      value = "(" + e + ")"; // Older kernels lack some, and a device may be gone by now.
    }
    text.append(key).append(" = ").append(value).append('\n');
  }
}
