package dev.culvert.cli.daemon;

import dev.culvert.cli.admin.AdminClient;
import dev.culvert.cli.admin.AdminServer;
import dev.culvert.cli.uapi.UapiServer;
import java.nio.file.Path;

/**
 * The machine that commands work on; tests have another.
 *
 * @param uapiDirectory where {@code wg} looks for devices
 * @param adminDirectory where gateways have their admin sockets and run state
 */
public record Machine(
    DeviceFactory devices, Network network, Path uapiDirectory, Path adminDirectory) {
  /** This machine. */
  public static Machine local(DeviceFactory devices, Network network) {
    return new Machine(devices, network, UapiServer.DIRECTORY, AdminServer.DIRECTORY);
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
