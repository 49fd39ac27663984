// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import dev.culvert.daemon.admin.EspView;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.LabException;
import dev.culvert.lab.net.Waiting;
import dev.culvert.tunnel.esp.global.KeyFileException;
import dev.culvert.tunnel.state.KeyFileWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/** Rotates the global key of the lab's two ESP gateways. */
public final class LabRotation {
  private final LabNetwork network;
  private final Path folder;
  private final List<LabGateway> gateways;

  public LabRotation(LabNetwork network, Path folder, LabGateway a, LabGateway b) {
    this.network = network;
    this.folder = folder;
    gateways = List.of(a, b);
  }

  /**
   * Makes a new key, gives it to one node after the other, and waits until both send under it.
   *
   * @return its id
   */
  public int rotate() {
    Path first = LabGlobalKey.file(network.a, folder);
    Path second = LabGlobalKey.file(network.b, folder);
    int id;
    try {
      id = KeyFileWriter.rotate(first, new SecureRandom());
      await("one node to publish key " + id, gateways.subList(0, 1), key -> key.published() == id);
      LabFiles.writePrivate(second, Files.readString(first));
    } catch (IOException | KeyFileException e) {
      throw new LabException("no rotation: " + e.getMessage(), e);
    }
    await(
        "both nodes to use key " + id,
        gateways,
        key -> key.peers().stream().allMatch(peer -> peer.sendsUnder() == id));
    return id;
  }

  private interface Condition {
    boolean holds(EspView.GlobalKeyView key);
  }

  private static void await(String event, List<LabGateway> gateways, Condition condition) {
    if (!Waiting.until(
        Commands.PATIENCE,
        () -> gateways.stream().flatMap(LabRotation::key).allMatch(condition::holds))) {
      throw new LabException("gave up waiting for " + event);
    }
  }

  private static Stream<EspView.GlobalKeyView> key(LabGateway gateway) {
    return gateway.status().stream()
        .map(status -> Objects.requireNonNull(Objects.requireNonNull(status.esp()).globalKey()));
  }
}
