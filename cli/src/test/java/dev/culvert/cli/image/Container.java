// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.image;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A container of the image with as few rights as a gateway needs: two capabilities, no way to gain
 * others, a root and kernel settings that are read-only, and the network of the namespace that it
 * starts in, as a pod with {@code hostNetwork} has the node's.
 */
final class Container implements AutoCloseable {
  static final List<String> CAPABILITIES = List.of("CAP_NET_ADMIN", "CAP_NET_RAW");

  /**
   * The container's rights are of interest here, not its limits, so it gets no control groups. All
   * the same {@code crun} looks for them, and refuses machines that have both versions.
   */
  private static final String CRUN =
      "mount -t cgroup2 none /sys/fs/cgroup; state=$1; shift;"
          + " exec crun --cgroup-manager=disabled --root=\"$state\" \"$@\"";

  private static final ObjectMapper JSON = new ObjectMapper();

  private final String name;
  private final List<String> crun;
  private final Daemon daemon;

  /**
   * Starts a container.
   *
   * @param folder for its state, with folders {@code etc}, {@code state} and {@code run} of the
   *     gateway
   * @param arguments of {@code culvert}
   */
  Container(Image image, Namespace network, Path folder, String... arguments) throws IOException {
    name = "culvert-" + folder.getFileName();
    crun = List.of("unshare", "-m", "sh", "-ec", CRUN, "crun", folder.resolve("crun").toString());
    for (String place : List.of("etc", "state", "run", "wireguard")) {
      Files.createDirectories(folder.resolve(place));
    }
    ObjectNode configuration = (ObjectNode) Image.read(image.bundle().resolve("config.json"));
    restrict(configuration, network);
    mount(configuration, "/dev/net/tun", Path.of("/dev/net/tun"));
    mount(configuration, "/etc/culvert", folder.resolve("etc"));
    mount(configuration, "/var/lib/culvert", folder.resolve("state"));
    mount(configuration, "/run/culvert", folder.resolve("run"));
    mount(configuration, "/run/wireguard", folder.resolve("wireguard"));
    ArrayNode command = JSON.createArrayNode();
    Image.texts(image.configuration().get("config").get("Entrypoint")).forEach(command::add);
    List.of(arguments).forEach(command::add);
    ((ObjectNode) configuration.get("process")).set("args", command);
    Path written = folder.resolve("config.json");
    JSON.writeValue(written.toFile(), configuration);
    daemon =
        Daemon.start(
            Map.of(), command("run", "--bundle=" + image.bundle(), "--config=" + written, name));
  }

  private static void restrict(ObjectNode configuration, Namespace network) {
    ObjectNode process = (ObjectNode) configuration.get("process");
    process.put("terminal", false).put("noNewPrivileges", true);
    ObjectNode capabilities = process.putObject("capabilities");
    for (String set : List.of("bounding", "effective", "permitted")) {
      CAPABILITIES.forEach(capabilities.putArray(set)::add);
    }
    ((ObjectNode) configuration.get("root")).put("readonly", true);
    ObjectNode linux = (ObjectNode) configuration.get("linux");
    ArrayNode namespaces = JSON.createArrayNode();
    for (String type : List.of("pid", "ipc", "uts", "mount")) {
      namespaces.addObject().put("type", type);
    }
    namespaces.addObject().put("type", "network").put("path", "/run/netns/" + network.name());
    linux.set("namespaces", namespaces);
    linux.remove("resources");
    dropControlGroups((ArrayNode) configuration.get("mounts"));
  }

  private static void dropControlGroups(ArrayNode mounts) {
    for (int i = mounts.size() - 1; i >= 0; i--) {
      if (mounts.get(i).get("type").asText().equals("cgroup")) {
        mounts.remove(i);
      }
    }
  }

  private static void mount(ObjectNode configuration, String place, Path source) {
    ObjectNode mount = ((ArrayNode) configuration.get("mounts")).addObject();
    mount.put("destination", place).put("type", "bind").put("source", source.toString());
    mount.putArray("options").add("bind").add("rw");
  }

  private List<String> command(String... words) {
    List<String> command = new ArrayList<>(crun);
    command.addAll(List.of(words));
    return command;
  }

  Daemon daemon() {
    return daemon;
  }

  /** Runs a program in the container that runs, as {@code kubectl exec} does. */
  Commands.Result attempt(String... words) {
    List<String> command = command("exec", name);
    command.addAll(List.of(words));
    return Commands.attempt(Commands.PATIENCE, Map.of(), command);
  }

  /** The state that the kernel tells of the container's first process, as in {@code CapEff}. */
  String status(String key) throws IOException {
    JsonNode state =
        JSON.readTree(
            Commands.attempt(Commands.PATIENCE, Map.of(), command("state", name)).orThrow().out());
    Path status = Path.of("/proc", state.get("pid").asText(), "status");
    return Daemon.lineOf(Files.readString(status), key + ":").orElseThrow().strip();
  }

  /** Kills all its processes, and waits for the end. */
  void kill() {
    Commands.attempt(Commands.PATIENCE, Map.of(), command("kill", name, "KILL")).orThrow();
    daemon.awaitEnd(Commands.PATIENCE);
  }

  @Override
  public void close() {
    Commands.attempt(Commands.PATIENCE, Map.of(), command("delete", "--force", name));
    daemon.close();
  }
}
