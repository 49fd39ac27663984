// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.kubernetes;

import dev.culvert.cli.command.CommandException;
import dev.culvert.cli.command.ExitCode;
import dev.culvert.cli.command.ListOption;
import dev.culvert.daemon.config.KubernetesConfig;
import dev.culvert.routing.IpAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The way to the Kubernetes API of a command that runs in a pod. */
final class ServerOptions {
  @Option(
      names = "--kubeconfig",
      paramLabel = "FILE",
      defaultValue = "${env:CULVERT_KUBECONFIG}",
      description =
          "Access to the API. Default: CULVERT_KUBECONFIG, the service account of the pod.")
  private @Nullable Path kubeconfig;

  @Option(
      names = "--control-plane",
      paramLabel = "ADDRESSES",
      split = ",",
      defaultValue = "${env:CULVERT_CONTROL_PLANE}",
      description =
          "Addresses of the API servers. Default:"
              + " CULVERT_CONTROL_PLANE, the service's address.")
  private @Nullable List<String> controlPlane;

  @Option(
      names = "--api-server-port",
      paramLabel = "PORT",
      defaultValue = "${env:CULVERT_API_SERVER_PORT:-6443}",
      description = "Port of the API servers. Default: CULVERT_API_SERVER_PORT, 6443.")
  private int apiServerPort;

  /** The addresses of the API servers. */
  List<IpAddress> servers() throws CommandException {
    return parsed(controlPlane, IpAddress::parse);
  }

  KubernetesConfig access() throws CommandException {
    return KubernetesConfig.ofAccess(
        servers(),
        apiServerPort,
        kubeconfig == null || kubeconfig.toString().isEmpty() ? null : kubeconfig);
  }

  /**
   * The values of an option.
   *
   * @throws CommandException if one is none
   */
  static <T> List<T> parsed(@Nullable List<String> texts, Function<String, T> parse)
      throws CommandException {
    try {
      return ListOption.values(texts).stream().map(parse).toList();
    } catch (IllegalArgumentException e) {
      throw new CommandException(ExitCode.USAGE, String.valueOf(e.getMessage()));
    }
  }
}
