// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.ControlPlaneView;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.KubernetesConfig;
import dev.culvert.daemon.config.read.ConfigFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The way of a command to the Kubernetes API. */
public final class ApiOptions {
  @Option(
      names = "--kubeconfig",
      paramLabel = "FILE",
      description =
          "Access to the API. Left out: as the gateway has it that runs here and follows the API.")
  private @Nullable Path kubeconfig;

  /**
   * Whether there is a way to the API at all.
   *
   * @param gateway as {@link #gateway} gave it
   */
  public boolean isWanted(@Nullable GatewayView gateway) {
    return kubeconfig != null || gateway != null;
  }

  /**
   * The name of this node, if the gateway knows it.
   *
   * @param gateway as {@link #gateway} gave it
   */
  public static @Nullable String node(@Nullable GatewayView gateway) {
    ControlPlaneView plane = gateway == null ? null : gateway.controlPlane();
    return plane == null ? null : plane.node();
  }

  /** Opens the API. */
  public KubeApi open(Machine machine) throws IOException, ConfigException, CommandException {
    return open(machine, kubeconfig == null ? gateway(machine) : null);
  }

  /**
   * Opens the API.
   *
   * @param gateway as {@link #gateway} gave it
   */
  public KubeApi open(Machine machine, @Nullable GatewayView gateway)
      throws IOException, ConfigException, CommandException {
    if (kubeconfig != null) {
      return machine
          .cluster()
          .open(KubernetesConfig.ofAccess(List.of(), KubernetesConfig.API_SERVER_PORT, kubeconfig));
    }
    if (gateway == null || gateway.configFile() == null) {
      new Gateways(machine).requireAllowed();
      throw new CommandException(
          ExitCode.NOT_RUNNING,
          "no gateway that runs here follows the Kubernetes API: give --kubeconfig");
    }
    Path file = Path.of(gateway.configFile());
    if (ConfigFile.read(file).discovery() instanceof KubernetesConfig config) {
      return machine.cluster().open(config);
    }
    throw new CommandException(
        ExitCode.FAILED, file + " no longer has discovery.kubernetes: give --kubeconfig");
  }

  /** The gateway that runs here and follows the API, or null. All that run here are asked. */
  public static @Nullable GatewayView gateway(Machine machine) throws IOException {
    for (GatewayView view : new Gateways(machine).askHere()) {
      if (view.controlPlane() != null) {
        return view;
      }
    }
    return null;
  }
}
