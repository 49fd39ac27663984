// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.culvert.daemon.admin.Json;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.read.ConfigFile;
import dev.culvert.tunnel.port.Offload;
import dev.culvert.tunnel.state.PrivateFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParseResult;

/**
 * The settings of a gateway in a cluster, from options or from the environment of a DaemonSet. They
 * become a configuration file, so that there is one way in which settings are checked, reloaded and
 * looked at.
 */
final class KubernetesOptions {
  private static final Set<String> NAMES =
      Arrays.stream(KubernetesOptions.class.getDeclaredFields())
          .map(field -> field.getAnnotation(Option.class))
          .filter(Objects::nonNull)
          .flatMap(option -> Arrays.stream(option.names()))
          .collect(Collectors.toSet());

  @Option(
      names = "--node-name",
      paramLabel = "NAME",
      defaultValue = "${env:CULVERT_NODE_NAME}",
      description = "This Node's name. Default: CULVERT_NODE_NAME, NODE_NAME.")
  private @Nullable String nodeName;

  @Option(
      names = "--cluster-cidrs",
      paramLabel = "RANGES",
      split = ",",
      defaultValue = "${env:CULVERT_CLUSTER_CIDRS}",
      description = "Ranges of the cluster's pods and nodes. Default: CULVERT_CLUSTER_CIDRS.")
  private @Nullable List<String> clusterCidrs;

  @Option(
      names = "--node-cidrs",
      paramLabel = "RANGES",
      split = ",",
      defaultValue = "${env:CULVERT_NODE_CIDRS}",
      description =
          "Ranges of all nodes' addresses, without pods: new nodes there reach the control plane."
              + " Default: CULVERT_NODE_CIDRS.")
  private @Nullable List<String> nodeCidrs;

  @Option(
      names = "--control-plane",
      paramLabel = "ADDRESSES",
      split = ",",
      defaultValue = "${env:CULVERT_CONTROL_PLANE}",
      description =
          "Addresses of the API servers, and of etcd if it is elsewhere. Default:"
              + " CULVERT_CONTROL_PLANE.")
  private @Nullable List<String> controlPlane;

  @Option(
      names = "--api-server-port",
      paramLabel = "PORT",
      defaultValue = "${env:CULVERT_API_SERVER_PORT}",
      description = "Port of the API servers. Default: CULVERT_API_SERVER_PORT, 6443.")
  private @Nullable String apiServerPort;

  @Option(
      names = "--control-plane-exempt-ports",
      paramLabel = "PORTS",
      split = ",",
      defaultValue = "${env:CULVERT_CONTROL_PLANE_EXEMPT_PORTS}",
      description =
          "TCP ports on which the control plane is reached in clear. Default:"
              + " CULVERT_CONTROL_PLANE_EXEMPT_PORTS, 2379-2380 and the API server's.")
  private @Nullable List<String> exemptPorts;

  @Option(
      names = "--kubeconfig",
      paramLabel = "FILE",
      defaultValue = "${env:CULVERT_KUBECONFIG}",
      description =
          "Access to the API. Default: CULVERT_KUBECONFIG, the service account of the pod.")
  private @Nullable Path kubeconfig;

  @Option(
      names = "--engine",
      paramLabel = "ENGINE",
      defaultValue = "${env:CULVERT_ENGINE}",
      description =
          "wireguard, esp (the cluster's global key) or noise (ESP keyed by handshakes). Default:"
              + " CULVERT_ENGINE, wireguard.")
  private @Nullable String engine;

  @Option(
      names = "--esp-key-file",
      paramLabel = "FILE",
      defaultValue = "${env:CULVERT_ESP_KEY_FILE}",
      description = "With engine esp: the file of global keys. Default: CULVERT_ESP_KEY_FILE.")
  private @Nullable Path espKeyFile;

  @Option(
      names = "--registrar",
      paramLabel = "WHERE",
      defaultValue = "${env:CULVERT_REGISTRAR}",
      description = "embedded or separate. Default: CULVERT_REGISTRAR, separate.")
  private @Nullable String registrar;

  @Option(
      names = "--pod-ranges",
      paramLabel = "FROM",
      defaultValue = "${env:CULVERT_POD_RANGES}",
      description =
          "With registrar embedded: auto, nodes, calico, cilium or pods. Default:"
              + " CULVERT_POD_RANGES, auto.")
  private @Nullable String podRanges;

  @Option(
      names = "--service-cidrs",
      paramLabel = "RANGES",
      split = ",",
      defaultValue = "${env:CULVERT_SERVICE_CIDRS}",
      description =
          "With registrar embedded: ranges of the services' addresses, which no node has. Default:"
              + " CULVERT_SERVICE_CIDRS, none.")
  private @Nullable List<String> serviceCidrs;

  @Option(
      names = "--interface",
      paramLabel = "NAME",
      defaultValue = "${env:CULVERT_INTERFACE}",
      description = "The tunnel's interface. Default: CULVERT_INTERFACE, culvert0.")
  private @Nullable String interfaceName;

  @Option(
      names = "--mtu",
      paramLabel = "BYTES",
      defaultValue = "${env:CULVERT_MTU}",
      description = "The tunnel's MTU. Default: CULVERT_MTU, as the underlay allows.")
  private @Nullable String mtu;

  @Option(
      names = "--listen-port",
      paramLabel = "PORT",
      defaultValue = "${env:CULVERT_LISTEN_PORT}",
      description = "The tunnel's UDP port. Default: CULVERT_LISTEN_PORT, 51820 or 4500.")
  private @Nullable String listenPort;

  @Option(
      names = "--udp-segmentation",
      paramLabel = "MODE",
      defaultValue = "${env:CULVERT_UDP_SEGMENTATION}",
      description =
          "Whether the kernel may segment sent packets: auto, on or off. Default:"
              + " CULVERT_UDP_SEGMENTATION, auto.")
  private @Nullable String udpSegmentation;

  @Option(
      names = "--metrics-listen",
      paramLabel = "ADDRESS:PORT",
      defaultValue = "${env:CULVERT_METRICS_LISTEN}",
      description = "Address of metrics, health and page. Default: CULVERT_METRICS_LISTEN, none.")
  private @Nullable String metricsListen;

  @Option(
      names = "--accept",
      paramLabel = "SPOTS",
      split = ",",
      defaultValue = "${env:CULVERT_ACCEPT}",
      description = "Blind spots of the guard that are accepted. Default: CULVERT_ACCEPT, none.")
  private @Nullable List<String> accept;

  /** The first of these options that was given, or null. */
  @Nullable String firstOf(ParseResult parsed) {
    return parsed.matchedOptions().stream()
        .map(OptionSpec::longestName)
        .filter(NAMES::contains)
        .findFirst()
        .orElse(null);
  }

  /**
   * Writes the settings as a configuration.
   *
   * @param directory of the file
   * @return the file
   * @throws CommandException if an option without a default was not given
   */
  Path write(Path directory) throws IOException, CommandException {
    require("--cluster-cidrs", "CULVERT_CLUSTER_CIDRS", clusterCidrs);
    require("--control-plane", "CULVERT_CONTROL_PLANE", controlPlane);
    String name = interfaceName == null ? GatewayConfig.DEFAULT_INTERFACE : interfaceName;
    Files.createDirectories(directory);
    Path file = file(directory, name);
    PrivateFile.replace(file, Json.pretty(configuration()).getBytes(UTF_8));
    return file;
  }

  private static void require(String option, String variable, @Nullable List<String> given)
      throws CommandException {
    if (list(given) == null) {
      throw new CommandException(
          ExitCode.USAGE,
          "--kubernetes needs " + option + " or " + variable + "; 'culvert up --help' says more");
    }
  }

  /** The file of the settings of an interface. {@code down} deletes it. */
  static Path file(Path directory, String interfaceName) {
    // A name with a slash is refused when the file is read, as every other bad name.
    return directory.resolve(interfaceName.replace('/', '_') + ".json");
  }

  private Map<String, Object> configuration() {
    Map<String, Object> spec = new LinkedHashMap<>();
    boolean esp = engine != null && !engine.equals("wireguard");
    put(spec, "engine", esp && "noise".equals(engine) ? "esp" : engine);
    if (esp) {
      Map<String, Object> section = new LinkedHashMap<>();
      section.put("keying", "noise".equals(engine) ? "noise" : "global");
      put(section, "keyFile", absolute(espKeyFile));
      spec.put("esp", section);
    }
    Map<String, Object> link = new LinkedHashMap<>();
    put(link, "name", interfaceName);
    put(link, "mtu", mtu);
    put(link, "listenPort", listenPort);
    put(spec, "interface", link.isEmpty() ? null : link);
    put(spec, "offload", section(Offload.UDP_SEGMENTATION.key(), udpSegmentation));
    put(spec, "clusterCIDRs", list(clusterCidrs));
    put(spec, "observability", section("listen", metricsListen));
    put(spec, "strict", list(accept) == null ? null : Map.of("accept", list(accept)));
    Map<String, Object> kubernetes = new LinkedHashMap<>();
    put(kubernetes, "nodeName", nodeName);
    put(kubernetes, "controlPlane", list(controlPlane));
    put(kubernetes, "nodeCIDRs", list(nodeCidrs));
    put(kubernetes, "apiServerPort", apiServerPort);
    put(kubernetes, "controlPlaneExemptPorts", list(exemptPorts));
    put(kubernetes, "kubeconfig", absolute(kubeconfig));
    put(kubernetes, "registrar", registrar);
    if ("embedded".equals(registrar)) {
      // Otherwise a DaemonSet may have the variables for its separate registrars.
      put(kubernetes, "podRanges", podRanges);
      put(kubernetes, "serviceCIDRs", list(serviceCidrs));
    }
    spec.put("discovery", Map.of("kubernetes", kubernetes));
    Map<String, Object> whole = new LinkedHashMap<>();
    whole.put("apiVersion", ConfigFile.API_VERSION);
    whole.put("kind", "Gateway");
    whole.put("spec", spec);
    return whole;
  }

  private static void put(Map<String, Object> map, String key, @Nullable Object value) {
    if (value != null && !value.equals("")) {
      map.put(key, value);
    }
  }

  /** A section with one key, if that is given. */
  private static @Nullable Map<String, Object> section(String key, @Nullable String value) {
    return value == null || value.isEmpty() ? null : Map.of(key, value);
  }

  private static @Nullable String absolute(@Nullable Path path) {
    return path == null || path.toString().isEmpty() ? null : path.toAbsolutePath().toString();
  }

  private static @Nullable List<String> list(@Nullable List<String> values) {
    List<String> kept = ListOption.values(values);
    return kept.isEmpty() ? null : kept;
  }
}
