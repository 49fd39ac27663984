// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.scale;

import dev.culvert.bench.figures.Figures;
import dev.culvert.crypto.X25519;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.read.ConfigFile;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.LabException;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.noise.PublicKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.stream.Collectors;

/** One gateway and all its peers, from their configuration to the steady state. */
final class ManyPeers {
  private static final int PORT = 51_820;

  /** Only this program and its gateways see it: a file system that ends with them. */
  private static final Path OWN_RUN = Path.of("/run");

  private static final Endpoint GATEWAY = Endpoint.of(IpAddress.parse("127.0.0.1"), PORT);
  private static final int KEEPALIVE = 25;
  private static final double PATIENCE = 300;

  /** Keepalives are asked for in so many parts, so that they are spread over their interval. */
  private static final int PARTS = 100;

  private final Path launcher;
  private final List<PeerIdentity> identities;
  private final Figures figures;
  private final boolean steady;
  private final byte[] privateKey = X25519.generatePrivateKey(new SecureRandom());
  private final PublicKey publicKey = PublicKey.of(X25519.publicKey(privateKey));

  /**
   * @param launcher the {@code culvert} command
   * @param steady whether to measure the steady state too
   */
  ManyPeers(Path launcher, List<PeerIdentity> identities, Figures figures, boolean steady) {
    this.launcher = launcher;
    this.identities = identities;
    this.figures = figures;
    this.steady = steady;
  }

  /**
   * Peers that the gateway learns from its UAPI socket, without endpoints, and that all initiate.
   */
  void configuredBySocket() throws IOException {
    figures.section("%,d peers by UAPI, which all initiate at once".formatted(identities.size()));
    try (ScaledGateway gateway = ScaledGateway.wireGuard(launcher);
        SimulatedPeers peers = new SimulatedPeers(identities, GATEWAY, publicKey)) {
      UapiSocket uapi = gateway.uapi();
      uapi.set(UapiSocket.device(privateKey, PORT));
      peers.run(() -> false, 5); // the gateway's start is over
      figures.add("resident memory without peers", "MiB", gateway.residentMebibytes());
      String lines = identities.stream().map(UapiSocket::peer).collect(Collectors.joining());
      figures.add("set=1 with all peers", "s", uapi.set(lines));
      figures.addRuns("set=1 with one of them", "ms", runs(20, () -> 1000 * uapi.set(peer(0))));
      figures.addRuns("get=1", "ms", runs(20, () -> 1000 * seconds(uapi::get)));
      figures.add("resident memory with peers", "MiB", gateway.residentMebibytes());
      ProcessorTime processor = gateway.processorTime();
      long began = peers.initiateAtOnce(KEEPALIVE);
      awaitSessions(peers, began);
      figures.add("processor time until then", "s", processor.spent());
      figures.add("resident memory with sessions", "MiB", gateway.residentMebibytes());
      if (steady) {
        new SteadyState(gateway, peers, figures).measure();
      }
    }
  }

  private String peer(int number) {
    return UapiSocket.peer(identities.get(number));
  }

  /** Peers that the gateway reads from a file, with endpoints, and greets after its start. */
  void configuredByFile() throws IOException {
    figures.section("%,d peers by YAML, greeted by the gateway".formatted(identities.size()));
    Path folder =
        Files.createTempDirectory(
            OWN_RUN,
            "scale",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    try {
      Path file = writeConfiguration(folder);
      figures.addRuns("reading the file, in a JVM that did so before", "ms", parsings(file));
      startByFile(file);
    } finally {
      Commands.run("rm", "-r", folder.toString()).orThrow();
    }
  }

  private void startByFile(Path file) throws IOException {
    try (SimulatedPeers peers = new SimulatedPeers(identities, GATEWAY, publicKey)) {
      long began = System.nanoTime();
      try (ScaledGateway gateway = ScaledGateway.gateway(launcher, file)) {
        if (!peers.run(gateway::isUp, PATIENCE)) {
          throw new LabException("the gateway is not up: " + gateway.output());
        }
        long up = System.nanoTime();
        figures.add("start until it is up", "s", (up - began) / 1e9);
        figures.add("resident memory with peers", "MiB", gateway.residentMebibytes());
        ProcessorTime processor = gateway.processorTime();
        awaitSessions(peers, up);
        figures.add("processor time until then", "s", processor.spent());
        figures.add("resident memory with sessions", "MiB", gateway.residentMebibytes());
        if (steady) {
          askForKeepalives(gateway.uapi(), peers);
          new SteadyState(gateway, peers, figures).measure();
        }
      }
    }
  }

  /** In parts, since keepalives of all peers at one moment would need one look at the timers. */
  private void askForKeepalives(UapiSocket uapi, SimulatedPeers peers) throws IOException {
    for (int part = 0; part < PARTS; part++) {
      StringBuilder lines = new StringBuilder();
      for (int i = part; i < identities.size(); i += PARTS) {
        lines.append(UapiSocket.keepalive(identities.get(i).publicKey(), KEEPALIVE));
      }
      uapi.set(lines.toString());
      peers.run(() -> false, (double) KEEPALIVE / PARTS);
    }
  }

  private void awaitSessions(SimulatedPeers peers, long since) throws IOException {
    int all = identities.size();
    SimulatedPeer.Handshakes handshakes = peers.handshakes();
    List<Integer> perSecond = new ArrayList<>();
    double end = PATIENCE;
    boolean done = false;
    while (!done && end > 0) {
      int before = peers.established();
      done = peers.run(() -> peers.established() == all, 1);
      perSecond.add(peers.established() - before);
      end--;
    }
    figures.say("first sessions in each second: " + perSecond);
    List<Double> waits = peers.waits(since);
    if (!done) {
      throw new LabException(
          "%d of %d peers have a session after %.0f s".formatted(waits.size(), all, PATIENCE));
    }
    figures.add("half of the peers have a session after", "s", waits.get((all - 1) / 2));
    figures.add("99 % of the peers", "s", waits.get((int) Math.ceil(0.99 * all) - 1));
    figures.add("all peers: the longest wait", "s", waits.getLast());
    figures.add(
        "most first sessions in one second",
        "",
        perSecond.stream().mapToInt(i -> i).max().orElse(0));
    figures.add("initiations that peers sent", "", (double) handshakes.initiations());
    figures.add("most initiations of one peer", "", peers.mostInitiations());
    figures.add("cookie replies of the gateway", "", (double) handshakes.cookies());
  }

  private Path writeConfiguration(Path folder) throws IOException {
    Path key = folder.resolve("key");
    Files.createFile(
        key, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(key, Base64.getEncoder().encodeToString(privateKey) + "\n");
    String entries =
        identities.stream()
            .map(
                peer ->
                    "    - {name: %s, publicKey: %s, endpoint: '%s', allowedIps: ['%s', '%s']}%n"
                        .formatted(
                            peer.name(),
                            peer.publicKey(),
                            peer.endpoint(),
                            peer.ranges().getFirst(),
                            peer.ranges().getLast()))
            .collect(Collectors.joining());
    return Files.writeString(
        folder.resolve("gateway.yaml"),
        """
        apiVersion: culvert.dev/v1alpha1
        kind: Gateway
        spec:
          interface: {name: %s, addresses: [10.255.0.1/32], listenPort: %d}
          identity: {privateKeyFile: key}
          peers:
        %s"""
            .formatted(ScaledGateway.INTERFACE, PORT, entries));
  }

  private static List<Double> parsings(Path file) throws IOException {
    return runs(
        10,
        () ->
            1000
                * seconds(
                    () -> {
                      try {
                        return ConfigFile.read(file);
                      } catch (ConfigException e) {
                        throw new LabException("the file is refused: " + e.getMessage(), e);
                      }
                    }));
  }

  private interface Measure {
    double take() throws IOException;
  }

  private interface Work {
    Object run() throws IOException;
  }

  private static List<Double> runs(int count, Measure measure) throws IOException {
    List<Double> runs = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      runs.add(measure.take());
    }
    return runs;
  }

  private static double seconds(Work work) throws IOException {
    long began = System.nanoTime();
    work.run();
    return (System.nanoTime() - began) / 1e9;
  }
}
