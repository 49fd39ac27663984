package dev.culvert.daemon;

import dev.culvert.daemon.admin.AdminClient;
import dev.culvert.daemon.admin.AdminServer;
import dev.culvert.daemon.steer.Network;
import dev.culvert.daemon.steer.RunState;
import dev.culvert.daemon.uapi.UapiServer;
import dev.culvert.tunnel.kernel.NameService;
import dev.culvert.tunnel.state.SequenceFiles;
import java.io.IOException;
import java.nio.file.Path;

/**
 * The machine that commands work on; tests have another.
 *
 * @param uapiDirectory where {@code wg} looks for devices
 * @param adminDirectory where gateways have their admin sockets and run state
 * @param names what peers' names are asked of
 * @param sequenceDirectory where sequence numbers of manual SAs outlive the machine's restarts
 */
public record Machine(
    DeviceFactory devices,
    EspDeviceFactory espDevices,
    Network network,
    Path uapiDirectory,
    Path adminDirectory,
    Path sequenceDirectory,
    Resolver names) {
  private static final Path SEQUENCES = Path.of("/var/lib/culvert/sequences");

  /** This machine. */
  public static Machine local(DeviceFactory devices, EspDeviceFactory espDevices, Network network) {
    return new Machine(
        devices,
        espDevices,
        network,
        UapiServer.DIRECTORY,
        AdminServer.DIRECTORY,
        SEQUENCES,
        NameService::lookUp);
  }

  /** Where manual SAs have their sequence numbers; witnesses of them beside the admin sockets. */
  public SequenceFiles sequenceFiles() throws IOException {
    return new SequenceFiles(sequenceDirectory, adminDirectory.resolve("sequences"));
  }

  /** The nodes of {@code discovery} as the gateway used them last, for the next boot. */
  public Path rememberedNodes(String interfaceName) {
    return sequenceDirectory.resolveSibling(interfaceName).resolve("nodes.yaml");
  }

  public AdminClient adminClient() {
    return new AdminClient(adminDirectory);
  }

  public RunState runState() {
    return new RunState(adminDirectory);
  }

  /** Where the device {@code interfaceName} has its UAPI socket. */
  public Path uapiSocket(String interfaceName) {
    return uapiDirectory.resolve(interfaceName + ".sock");
  }
}
