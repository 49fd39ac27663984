package dev.culvert.tunnel.kernel;

import dev.culvert.tunnel.kernel.Links.Link;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Finds Cilium at work. Its BPF programs take packets past rules, routes and nftables: beside it,
 * nothing that Culvert puts into the kernel could be relied on.
 */
public final class OtherDatapath {
  /** Where Cilium pins the maps of its programs; they work on when its agent is gone. */
  private static final List<Path> PINNED =
      List.of(Path.of("/sys/fs/bpf/cilium"), Path.of("/sys/fs/bpf/tc/globals/cilium_ipcache"));

  private static final List<String> DEVICES = List.of("cilium_host", "cilium_net");

  private OtherDatapath() {}

  /**
   * Looks in the calling thread's namespaces.
   *
   * @return what was found and what to do about it, empty where nothing is in the way
   */
  public static Optional<String> find() throws IOException {
    return find(PINNED);
  }

  static Optional<String> find(List<Path> pinned) throws IOException {
    try (Netlink netlink = Netlink.open()) {
      Stream<String> devices =
          new Links(netlink)
              .list().stream().map(Link::name).filter(DEVICES::contains).map(n -> "device " + n);
      Stream<String> rules = new Rules(netlink).listCilium().stream().map(rule -> "rule " + rule);
      Stream<String> maps =
          pinned.stream().filter(Files::exists).map(path -> "BPF maps in " + path);
      List<String> traces = Stream.of(devices, rules, maps).flatMap(s -> s).sorted().toList();
      return traces.isEmpty()
          ? Optional.empty()
          : Optional.of(
              "Cilium is active on this node ("
                  + String.join(", ", traces)
                  + "): its programs take packets past Culvert's guard. Remove Cilium, or use its"
                  + " own encryption");
    }
  }
}
