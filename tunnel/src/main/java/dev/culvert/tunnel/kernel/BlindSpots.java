// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.routing.BlindSpot;
import dev.culvert.routing.BlindSpot.Found;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * Looks for programs and devices that take packets past the guard, in the calling thread's network
 * namespace.
 */
public final class BlindSpots {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** The directory of pinned maps: pinned programs go on working after their agent ends. */
  private static final Path BPF = Path.of("/sys/fs/bpf");

  private final List<Found> found = new ArrayList<>();
  private final List<Device> devices;
  private final Path bpf;

  private BlindSpots(List<Device> devices, Path bpf) {
    this.devices = devices;
    this.bpf = bpf;
  }

  /**
   * Finds the blind spots of this namespace.
   *
   * @param underlay devices that lead to other nodes
   */
  public static List<Found> find(Collection<String> underlay) throws IOException {
    return find(underlay, BPF, LinkGuard::fault);
  }

  static List<Found> find(
      Collection<String> underlay, Path bpf, Supplier<Optional<String>> linkGuardFault)
      throws IOException {
    try (Netlink netlink = Netlink.open()) {
      Links links = new Links(netlink);
      List<Device> devices = links.devices();
      BlindSpots spots = new BlindSpots(devices, bpf);
      linkGuardFault.get().ifPresent(fault -> spots.note(BlindSpot.NO_NETDEV_EGRESS, fault));
      List<Device> below = Devices.withLower(devices, underlay);
      spots.uppers(below);
      spots.otherAddresses(links, below);
      spots.ports(below);
      spots.flowtables(below);
      spots.datapaths(new Rules(netlink).listCilium(), BpfPrograms.list(netlink));
      return List.copyOf(spots.found);
    }
  }

  private void note(BlindSpot spot, String trace) {
    found.add(new Found(spot, trace));
  }

  private void uppers(List<Device> underlay) {
    for (Device upper : devices) {
      for (Device device : underlay) {
        if (upper.parent() == device.index() && upper.index() != device.index()) {
          String trace = "device " + upper.name() + " on " + device.name();
          switch (upper.kind()) {
            case "macvlan", "macvtap" -> note(BlindSpot.MACVLAN, trace);
            case "ipvlan", "ipvtap" -> note(BlindSpot.IPVLAN, trace);
            default -> {}
          }
        }
      }
    }
  }

  /**
   * Looks at the filters of the devices, since the only trace here of a macvlan in a pod's
   * namespace is its address on the parent.
   */
  private void otherAddresses(Links links, List<Device> underlay) throws IOException {
    for (Device device : underlay) {
      boolean told = found.stream().anyMatch(spot -> spot.spot() == BlindSpot.MACVLAN);
      if (!told && device.ethernet() && links.receivesForOthers(device.index())) {
        note(BlindSpot.MACVLAN, device.name() + " receives for another's address as well");
      }
    }
  }

  private void ports(List<Device> underlay) {
    for (Device device : underlay) {
      long siblings = devices.stream().filter(d -> d.master() == device.master()).count();
      if (device.portKind().equals("bridge") && siblings > 1) {
        note(BlindSpot.BRIDGE, device.name() + " is a bridge's port beside others");
      }
      if (device.portKind().equals("openvswitch") || device.kind().equals("openvswitch")) {
        note(BlindSpot.OPENVSWITCH, device.name() + " is a port of Open vSwitch");
      }
    }
  }

  private void flowtables(List<Device> underlay) throws IOException {
    Set<String> names = new HashSet<>();
    underlay.forEach(device -> names.add(device.name()));
    for (JsonNode item : JSON.readTree(Nft.run("", "--json", "list", "ruleset")).path("nftables")) {
      JsonNode flowtable = item.path("flowtable");
      Set<String> in = new HashSet<>();
      flowtable.findValues("dev").forEach(dev -> texts(dev, in));
      in.retainAll(names);
      if (!in.isEmpty()) {
        note(
            BlindSpot.FLOWTABLE,
            String.join(", ", in) + " in flowtable " + flowtable.path("name").asText());
      }
    }
  }

  private static void texts(JsonNode value, Set<String> into) {
    if (value.isArray()) {
      value.forEach(item -> into.add(item.asText()));
    } else {
      into.add(value.asText());
    }
  }

  private void datapaths(List<String> ciliumRules, List<BpfProgram> programs) {
    List<String> cilium = programs(programs, "cil_", "cilium");
    ciliumRules.forEach(rule -> cilium.add("rule " + rule));
    traces(
        BlindSpot.CILIUM,
        List.of("cilium_host", "cilium_net"),
        List.of("cilium", "tc/globals/cilium_ipcache"),
        cilium);
    traces(
        BlindSpot.CALICO_EBPF,
        List.of("bpfin.cali", "bpfout.cali"),
        List.of("calico", "tc/globals/cali_v4_nat_fe3", "tc/globals/cali_v4_routes"),
        programs(programs, "cali_", "calico_"));
    for (BpfProgram program : programs) {
      if (program.hook().equals(BpfProgram.XDP)) {
        note(BlindSpot.XDP, program.toString());
      }
    }
    traces(BlindSpot.OVN, List.of("ovn-k8s-mp0", "br-int"), List.of(), List.of());
    boolean encapsulated = devices.stream().anyMatch(d -> d.name().equals("antrea-tun0"));
    if (!encapsulated) {
      traces(BlindSpot.ANTREA, List.of("antrea-gw0"), List.of(), List.of());
    }
  }

  /** The programs whose names begin with {@code prefix}, which tells their maker. */
  private static List<String> programs(List<BpfProgram> programs, String... beginnings) {
    List<String> theirs = new ArrayList<>();
    for (BpfProgram program : programs) {
      if (Stream.of(beginnings).anyMatch(program.name()::startsWith)) {
        theirs.add(program.toString());
      }
    }
    return theirs;
  }

  private void traces(BlindSpot spot, List<String> names, List<String> pinned, List<String> more) {
    List<String> traces =
        Stream.of(
                devices.stream()
                    .map(Device::name)
                    .filter(names::contains)
                    .map(name -> "device " + name),
                more.stream(),
                pinned.stream()
                    .map(bpf::resolve)
                    .filter(Files::exists)
                    .map(path -> "BPF maps in " + path))
            .flatMap(s -> s)
            .sorted()
            .toList();
    if (!traces.isEmpty()) {
      note(spot, String.join(", ", traces));
    }
  }
}
