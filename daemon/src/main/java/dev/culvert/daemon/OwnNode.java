// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.cluster.claim.KeyProver;
import dev.culvert.cluster.claim.OwnClaim;
import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.registrar.Registrar;
import dev.culvert.cluster.registrar.RegistrarConfig;
import dev.culvert.daemon.config.ClusterConfig;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.KeySource;
import dev.culvert.daemon.config.KubernetesConfig;
import dev.culvert.daemon.config.Place;
import dev.culvert.routing.IpAddress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * This node, as its gateway shows it to the Kubernetes API.
 *
 * @param name of its Node
 * @param claim the present claim
 * @param prover makes the proof of a changed key
 * @param registrar that runs here too, or null
 */
record OwnNode(
    String name,
    Supplier<OwnClaim> claim,
    Function<KubeApi, KeyProver> prover,
    @Nullable RegistrarConfig registrar) {
  /**
   * The node of a gateway that runs.
   *
   * @param config the configuration in force
   */
  static OwnNode of(
      Machine machine, Supplier<GatewayConfig> config, KubernetesConfig kubernetes, Running running)
      throws IOException {
    GatewayConfig now = config.get();
    Set<IpAddress> addresses = addressesTowards(kubernetes.controlPlane(), machine, now);
    return new OwnNode(
        now.cluster().self(),
        () -> claim(running, addresses),
        api -> prover(api, config.get()),
        registrar(now.cluster(), kubernetes));
  }

  /** The addresses that this node has in the network of the control plane. */
  private static Set<IpAddress> addressesTowards(
      List<IpAddress> controlPlane, Machine machine, GatewayConfig config) throws IOException {
    Set<IpAddress> addresses = new HashSet<>(controlPlane);
    addresses.retainAll(machine.network().ownAddresses());
    addresses.addAll(
        machine
            .network()
            .facts(controlPlane, config.interfaceName(), config.socketMark())
            .sources()
            .values());
    return addresses;
  }

  private static OwnClaim claim(Running running, Set<IpAddress> addresses) {
    try {
      return running.identity().claim(running.tunnel().listenPort(), addresses);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static KeyProver prover(KubeApi api, GatewayConfig config) {
    return config.privateKey() instanceof KeySource.InFile(Path key, Place place)
        ? new OldKeyProver(api, key)
        : KeyProver.NONE;
  }

  /** The registrar that runs here too: on nodes of the control plane, if it is embedded. */
  private static @Nullable RegistrarConfig registrar(
      ClusterConfig cluster, KubernetesConfig kubernetes) {
    KubernetesConfig.EmbeddedRegistrar embedded = kubernetes.registrar();
    boolean ofControlPlane =
        cluster.map().node(cluster.self()).roles().contains(KubernetesConfig.CONTROL_PLANE);
    return embedded == null || !ofControlPlane
        ? null
        : new RegistrarConfig(
            cluster.self(),
            RegistrarConfig.NAMESPACE,
            embedded.podRanges(),
            new Registrar.Settings(
                kubernetes.nodeCidrs(),
                embedded.serviceCidrs(),
                kubernetes.controlPlane(),
                cluster.map().clusterCidrs()));
  }
}
