// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.kubernetes;

import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.LabException;
import dev.culvert.lab.net.Namespace;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A node of the control plane: where etcd and the API server listen.
 *
 * @param name unique among the nodes
 * @param namespace that the programs run in; null: that of this process
 * @param address of the node
 */
public record Place(
    String name,
    @Nullable Namespace namespace,
    String address,
    int apiPort,
    int etcdPort,
    int etcdPeerPort) {
  private static final int API_PORT = 6443;
  private static final int ETCD_PORT = 2379;
  private static final int ETCD_PEER_PORT = 2380;

  /**
   * A loopback address of this process alone, with ports that no program uses. Connections of other
   * programs, whose ports the kernel chooses, are at 127.0.0.1 and take none of these before a
   * server of the control plane begins to listen.
   */
  public static Place onThisMachine(String name) {
    String address = ownLoopback(ProcessHandle.current().pid());
    try (ServerSocket api = listen(address);
        ServerSocket etcd = listen(address);
        ServerSocket peer = listen(address)) {
      return new Place(
          name, null, address, api.getLocalPort(), etcd.getLocalPort(), peer.getLocalPort());
    } catch (IOException e) {
      throw new LabException("no free port: " + e.getMessage(), e);
    }
  }

  /** Linux has process ids of 22 bits at most. */
  private static String ownLoopback(long pid) {
    return "127.%d.%d.%d".formatted(128 | pid >> 16, pid >> 8 & 0xff, pid & 0xff);
  }

  private static ServerSocket listen(String address) throws IOException {
    return new ServerSocket(0, 1, InetAddress.getByName(address));
  }

  /** A node in a namespace, with the usual ports. */
  public static Place in(Namespace namespace, String name, String address) {
    return new Place(name, namespace, address, API_PORT, ETCD_PORT, ETCD_PEER_PORT);
  }

  /** The URL of the API server. */
  public String apiUrl() {
    return "https://" + host() + ":" + apiPort;
  }

  String etcdUrl() {
    return "http://" + host() + ":" + etcdPort;
  }

  String etcdPeerUrl() {
    return "http://" + host() + ":" + etcdPeerPort;
  }

  private String host() {
    return address.contains(":") ? "[" + address + "]" : address;
  }

  Commands.Result attempt(Duration patience, List<String> command) {
    return Commands.attempt(patience, Map.of(), here(command));
  }

  Daemon start(List<String> command) {
    return Daemon.start(Map.of(), here(command));
  }

  private List<String> here(List<String> command) {
    return namespace == null ? command : namespace.inside(command);
  }
}
