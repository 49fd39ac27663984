// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.cluster.ClusterSnapshot;
import dev.culvert.daemon.admin.AdminClient;
import dev.culvert.daemon.admin.AdminServer;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.KubernetesConfig;
import dev.culvert.daemon.config.read.ConfigFile;
import dev.culvert.daemon.config.read.KnownCluster;
import dev.culvert.daemon.steer.KernelNetwork;
import dev.culvert.daemon.steer.Network;
import dev.culvert.daemon.steer.RunState;
import dev.culvert.daemon.uapi.UapiServer;
import dev.culvert.tunnel.gateway.Descriptors;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.GatewayOptions;
import dev.culvert.tunnel.gateway.WireGuardDevice;
import dev.culvert.tunnel.kernel.NameService;
import dev.culvert.tunnel.noise.KeyLog;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.port.OffloadModes;
import dev.culvert.tunnel.state.SequenceFiles;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The machine that commands work on; tests have another.
 *
 * @param tunnels makes the tunnels
 * @param uapiDirectory the directory in which {@code wg} looks for devices
 * @param adminDirectory the directory in which gateways have their admin sockets and run state
 * @param names the name service that resolves peers' names
 * @param cluster opens the Kubernetes API
 * @param sequenceDirectory the directory in which sequence numbers of manual SAs outlive the
 *     machine's restarts
 */
public record Machine(
    TunnelFactory tunnels,
    Network network,
    Path uapiDirectory,
    Path adminDirectory,
    Path sequenceDirectory,
    Resolver names,
    ClusterAccess cluster) {
  private static final Path SEQUENCES = Path.of("/var/lib/culvert/sequences");

  /** This machine. */
  public static Machine local() {
    return new Machine(
        TunnelFactory.KERNEL,
        new KernelNetwork(),
        UapiServer.DIRECTORY,
        AdminServer.DIRECTORY,
        SEQUENCES,
        NameService::lookUp,
        new KubernetesAccess());
  }

  /** The files of manual SAs' sequence numbers; their witnesses are beside the admin sockets. */
  public SequenceFiles sequenceFiles() throws IOException {
    return new SequenceFiles(sequenceDirectory, adminDirectory.resolve("sequences"));
  }

  /**
   * Makes a WireGuard device that does not listen yet.
   *
   * @param mtu 0: one that suits most links
   * @param lanes 0: by the number of processors
   * @param offloads the wishes for the kernel's offloads
   * @param keyLog told the ephemeral private keys of handshakes; null if they are not logged
   */
  public WireGuardDevice openWireGuard(
      String interfaceName, int mtu, int lanes, OffloadModes offloads, @Nullable KeyLog keyLog)
      throws DeviceException {
    return inheritWireGuard(interfaceName, mtu, lanes, offloads, keyLog, null);
  }

  /**
   * Like {@link #openWireGuard}, with the link and the sockets of another process.
   *
   * @param from null: none
   */
  public WireGuardDevice inheritWireGuard(
      String interfaceName,
      int mtu,
      int lanes,
      OffloadModes offloads,
      @Nullable KeyLog keyLog,
      @Nullable Descriptors from)
      throws DeviceException {
    return tunnels.wireGuard(
        GatewayOptions.wireGuard(
                interfaceName,
                mtu,
                lanes,
                NumberProperty.HELPERS.orElse(GatewayOptions.BY_MACHINE),
                stateDirectory(interfaceName),
                keyLog)
            .with(offloads)
            .rehearsing(NumberProperty.longestStartRehearsal())
            .continuing(from, mtu == 0));
  }

  /** The directory of the files that outlive the gateway. */
  public Path stateDirectory(String interfaceName) {
    return sequenceDirectory.resolveSibling(interfaceName);
  }

  /** The nodes of {@code discovery} as the gateway used them last, for the next boot. */
  public Path rememberedNodes(String interfaceName) {
    return stateDirectory(interfaceName).resolve("nodes.yaml");
  }

  /** The cluster as the Kubernetes API told it last. */
  public Path rememberedCluster(String interfaceName) {
    return stateDirectory(interfaceName).resolve("cluster.json");
  }

  /** The configuration in a file, with the nodes that are known without asking anybody. */
  public GatewayConfig read(ConfigFile source) throws ConfigException {
    GatewayConfig config = source.parse();
    return config.discovery() instanceof KubernetesConfig
        ? source.parse(known(remembered(config), null))
        : config;
  }

  /** The cluster as the Kubernetes API told it last, if the configuration follows it. */
  ClusterSnapshot remembered(GatewayConfig config) {
    return config.discovery() instanceof KubernetesConfig
        ? cluster.remembered(rememberedCluster(config.interfaceName()))
        : ClusterSnapshot.EMPTY;
  }

  /**
   * The cluster for this machine.
   *
   * @param ownKey this node's public key, if it is known
   */
  KnownCluster known(ClusterSnapshot snapshot, @Nullable PublicKey ownKey) {
    return new KnownCluster(snapshot, network.ownAddresses(), ownKey);
  }

  public AdminClient adminClient() {
    return new AdminClient(adminDirectory);
  }

  public RunState runState() {
    return new RunState(adminDirectory);
  }

  /** The UAPI socket of the device {@code interfaceName}. */
  public Path uapiSocket(String interfaceName) {
    return uapiDirectory.resolve(interfaceName + ".sock");
  }
}
