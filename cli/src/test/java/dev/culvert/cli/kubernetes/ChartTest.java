// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cluster.registrar.RangeKind;
import dev.culvert.lab.kubernetes.KubernetesPrograms;
import dev.culvert.lab.net.Commands;
import dev.culvert.routing.BlindSpot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The chart as helm renders it, for many values, without a cluster. */
@Tag("integration")
@Tag("kubernetes")
final class ChartTest {
  private static final Path CHART = Culvert.launcher("ops/helm/culvert");
  private static final Path MANIFESTS = Culvert.launcher("cluster/src/main/dist/kubernetes");
  private static final String RULES_ON = "monitoring.rules.enabled=true";

  @TempDir private static Path folder;
  private static KubernetesPrograms programs;

  @BeforeAll
  static void build() {
    programs = Requirements.kubernetes();
  }

  private static Commands.Result template(Path chart, String... arguments) {
    List<String> command =
        new ArrayList<>(List.of("template", "culvert", chart.toString(), "--namespace=culvert"));
    command.add("--values=" + CHART.resolve("ci/sample.yaml"));
    command.addAll(List.of(arguments));
    return programs.helm(folder.resolve("helm"), command.toArray(String[]::new));
  }

  /** The objects of a rendering, by kind and name. */
  private static Map<String, Yaml> rendered(String... sets) {
    String[] arguments = Stream.of(sets).map(set -> "--set=" + set).toArray(String[]::new);
    return byName(Yaml.all(template(CHART, arguments).orThrow().out()));
  }

  static Map<String, Yaml> byName(List<Yaml> objects) {
    Map<String, Yaml> byName = new TreeMap<>();
    for (Yaml object : objects) {
      String name = object.text("kind") + " " + object.at("metadata").text("name");
      assertEquals(null, byName.put(name, object), name + " is there twice");
    }
    return byName;
  }

  static Yaml object(Map<String, Yaml> objects, String name) {
    return Objects.requireNonNull(objects.get(name), name);
  }

  private static Yaml pod(Yaml object) {
    return object.at("spec").at("template").at("spec");
  }

  static Yaml container(Yaml object) {
    return pod(object).list("containers").getFirst();
  }

  private static String variable(Yaml object, String name) {
    return container(object).list("env").stream()
        .filter(variable -> variable.text("name").equals(name))
        .map(variable -> variable.text("value"))
        .findFirst()
        .orElse("(none)");
  }

  @Test
  void helmFindsNoFault() {
    Commands.Result result =
        programs.helm(
            folder.resolve("helm"),
            "lint",
            "--strict",
            "--namespace=culvert",
            "--values=" + CHART.resolve("ci/sample.yaml"),
            CHART.toString());
    assertTrue(result.succeeded(), () -> result.out() + result.err());
  }

  /** So those who use kubectl and those who use helm get the same. */
  @Test
  void theManifestsForKubectlAreWhatTheChartRenders() throws IOException {
    Map<String, Yaml> chart = rendered("flowControl=true");
    Map<String, Yaml> manifests = new TreeMap<>();
    for (String file : List.of("rbac", "admission", "flow-control", "daemonset", "registrar")) {
      manifests.putAll(byName(Yaml.all(Files.readString(MANIFESTS.resolve(file + ".yaml")))));
    }
    assertTrue(manifests.remove("Namespace culvert") != null, "its user makes the namespace");
    assertEquals(manifests.keySet(), chart.keySet());
    manifests.forEach(
        (name, object) -> assertEquals(object.value(), object(chart, name).value(), name));
  }

  /** {@code helm template | kubectl apply} would run it, and lift the guard of a new cluster. */
  @Test
  void withoutAServerNoHookIsRendered() {
    String text = template(CHART, "--set=uninstall.liftGuard=true").orThrow().out();
    assertFalse(text.contains("helm.sh/hook"), text);
    assertFalse(text.contains("kind: Job"), text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "image.tag=2.0",
        "image.digest=sha256:00000000000000000000000000000000000000000000000000000000000000ff",
        "registrar.mode=embedded",
        "registrar.mode=none",
        "engine=noise,log.format=json,log.level=debug",
        "engine=esp,espKeySecret=cilium-ipsec-keys",
        "metrics.listen=0.0.0.0:9586,monitoring.podMonitor.enabled=true,monitoring.rules.enabled=true",
        "metrics.listen=[::]:1,interface=mesh0,mtu=1380,listenPort=51999,apiServerPort=8443",
        "image.pullSecrets={one},podLabels.a=b,podAnnotations.c=d,maxUnavailable=5%",
        "flowControl=true,registrar.podRanges=pods",
        "surge=true",
        "accept={xdp,bridge},controlPlaneExemptPorts={2379-2380,6443},log.level=silent",
        "controlPlaneExemptPorts={6000-9000},apiServerPort=8443,registrar.serviceCIDRs=null",
      })
  void everyPodHasNoMoreRightsThanItNeeds(String values) {
    Map<String, Yaml> objects = rendered(values);
    int gateways = 0;
    for (Map.Entry<String, Yaml> object : objects.entrySet()) {
      boolean gateway = object.getKey().startsWith("DaemonSet ");
      gateways += gateway ? 1 : 0;
      if (gateway || object.getKey().startsWith("Deployment ")) {
        assertModest(object.getKey() + " with " + values, object.getValue(), gateway);
      }
    }
    assertEquals(values.contains("embedded") ? 2 : 1, gateways);
  }

  static void assertModest(String name, Yaml object, boolean gateway) {
    Yaml pod = pod(object);
    Yaml container = container(object);
    assertEquals(1, pod.list("containers").size(), name);
    Yaml context = container.at("securityContext");
    assertEquals("false", context.text("privileged"), name);
    assertEquals("false", context.text("allowPrivilegeEscalation"), name);
    assertEquals("true", context.text("readOnlyRootFilesystem"), name);
    assertEquals(List.of("ALL"), context.at("capabilities").value("drop"), name);
    assertEquals(
        gateway ? List.of("NET_ADMIN", "NET_RAW") : null,
        context.at("capabilities").value("add"),
        name);
    assertFalse(container.text("image").endsWith(":latest"), name);
    assertTrue(
        container.text("image").matches("localhost/culvert(:[0-9.]+|@sha256:[0-9a-f]{64})"), name);
    assertNotEquals(null, container.at("resources").value("requests"), name);
    assertEquals("[{operator=Exists}]", String.valueOf(pod.value("tolerations")), name);
    assertTrue(pod.text("priorityClassName").startsWith("system-"), name);
    for (String probe : List.of("startupProbe", "readinessProbe", "livenessProbe")) {
      assertEquals(gateway, container.value(probe) != null, name + " " + probe);
    }
    for (Yaml volume : pod.list("volumes")) {
      assertTrue(gateway || volume.value("hostPath") == null, name + " has a folder of the host");
    }
  }

  @Test
  void oneDaemonSetIsForControlPlaneNodesIfTheyHaveTheRegistrar() {
    Map<String, Yaml> objects = rendered("registrar.mode=embedded", "registrar.podRanges=calico");
    Yaml controlPlane = object(objects, "DaemonSet culvert-control-plane");
    Yaml others = object(objects, "DaemonSet culvert");
    assertEquals("culvert-control-plane", pod(controlPlane).text("serviceAccountName"));
    assertEquals("culvert-node", pod(others).text("serviceAccountName"));
    assertEquals("embedded", variable(controlPlane, "CULVERT_REGISTRAR"));
    assertEquals("calico", variable(controlPlane, "CULVERT_POD_RANGES"));
    assertEquals("10.96.0.0/12", variable(controlPlane, "CULVERT_SERVICE_CIDRS"));
    assertEquals("(none)", variable(others, "CULVERT_REGISTRAR"));
    assertEquals("(none)", variable(others, "CULVERT_SERVICE_CIDRS"));
    String label = "node-role.kubernetes.io/control-plane";
    assertEquals(Map.of(label, ""), pod(controlPlane).value("nodeSelector"));
    assertTrue(
        String.valueOf(pod(others).value("affinity"))
            .contains("key=" + label + ", operator=NotIn, values=[]"),
        () -> String.valueOf(pod(others).value("affinity")));
    assertFalse(objects.containsKey("Deployment culvert-registrar"));
  }

  @Test
  void probesAskTheAddressThatTheGatewayListensOn() {
    for (Map.Entry<String, String> listen :
        Map.of(
                "127.0.0.1:9586", "127.0.0.1 9586",
                "0.0.0.0:1234", "127.0.0.1 1234",
                "[::]:80", "127.0.0.1 80",
                "[2001:db8::1]:81", "2001:db8::1 81")
            .entrySet()) {
      Yaml gateways = object(rendered("metrics.listen=" + listen.getKey()), "DaemonSet culvert");
      Yaml probe = container(gateways).at("livenessProbe").at("httpGet");
      assertEquals(listen.getValue(), probe.text("host") + " " + probe.text("port"));
      assertEquals(listen.getKey(), variable(gateways, "CULVERT_METRICS_LISTEN"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"https://git.example.com/culvert/", "https://git.example.com/culvert"})
  void promtoolAcceptsTheRulesAsTheOperatorGetsThem(String base) throws IOException {
    Requirements.tool("promtool");
    Map<String, Yaml> objects = rendered(RULES_ON, "monitoring.rules.runbooks=" + base);
    String spec = object(objects, "PrometheusRule culvert").at("spec").json();
    Path file = Files.writeString(folder.resolve("rules.yaml"), spec);
    Commands.run("promtool", "check", "rules", file.toString());
    assertTrue(
        spec.contains("\"https://git.example.com/culvert/docs/runbooks/CulvertClearTraffic.md\""),
        spec);
    assertFalse(spec.contains("\"docs/runbooks"), spec);
  }

  @Test
  void aScrapeIntervalIsAnyDurationOfPrometheus() {
    String monitor = "metrics.listen=0.0.0.0:9586,monitoring.podMonitor.enabled=true";
    String interval = "monitoring.podMonitor.interval=";
    for (String duration : List.of("1h", "1m30s", "500ms")) {
      Yaml spec = object(rendered(monitor, interval + duration), "PodMonitor culvert").at("spec");
      assertEquals(duration, spec.list("podMetricsEndpoints").getFirst().text("interval"));
    }
  }

  @Test
  void theDashboardIsTheFileOfThisProject() throws IOException {
    Yaml board =
        object(rendered("monitoring.dashboard.enabled=true"), "ConfigMap culvert-dashboard");
    assertEquals(
        Files.readString(Culvert.launcher("ops/grafana/culvert.json")).strip(),
        board.at("data").text("culvert.json").strip());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "imagee.tag=1               | additional properties 'imagee' not allowed",
        "registrar.replica=1        | at '/registrar': additional properties 'replica' not allowed",
        "image.tag=latest           | image.tag: \"latest\" does not name one image: give a version",
        "image.repository=a.example:5000/culvert:1 | culvert:1 has a tag or a digest: give it as image.tag",
        "podLabels.app=other        | podLabels: take \"app\" out",
        "image.digest=abc           | at '/image/digest': 'abc' does not match pattern",
        "clusterCIDRs=10.0.0.0/8    | at '/clusterCIDRs': got string, want array",
        "clusterCIDRs={10.0.0.0}    | at '/clusterCIDRs/0': '10.0.0.0' does not match pattern",
        "clusterCIDRs={0.0.0.0/0}   | at '/clusterCIDRs/0': '0.0.0.0/0' does not match pattern",
        "nodeCIDRs={999.1.1.1/8}    | at '/nodeCIDRs/0': '999.1.1.1/8' does not match pattern",
        "clusterCIDRs=null          | clusterCIDRs: give the ranges of the pods and of the nodes",
        "controlPlane=null          | controlPlane: give the addresses of the API servers",
        "controlPlaneExemptPorts={20-10}     | controlPlaneExemptPorts: 20-10 ends before it begins",
        "controlPlaneExemptPorts={99999}     | at '/controlPlaneExemptPorts/0': maximum: got 99",
        "controlPlaneExemptPorts={1-99999}   | at '/controlPlaneExemptPorts/0': '1-99999' does not",
        "controlPlaneExemptPorts={2379-2380} | add the port of the API servers, 6443",
        "accept={cilum}             | at '/accept/0': value must be one of 'no-netdev-egress'",
        "interface=a:b              | at '/interface': 'a:b' does not match pattern",
        "mtu=big                    | at '/mtu': got string, want null or integer",
        "listenPort=70000           | at '/listenPort': maximum: got 70",
        "maxUnavailable=0           | at '/maxUnavailable': minimum: got 0, want 1",
        "metrics.listen=:9586       | at '/metrics/listen': ':9586' does not match pattern",
        "metrics.listen=0.0.0.0:0   | at '/metrics/listen': '0.0.0.0:0' does not match pattern",
        "metrics.listen=0.0.0.0:65536 | at '/metrics/listen': '0.0.0.0:65536' does not match",
        "log.level=loud             | at '/log/level': value must be one of 'silent', 'error'",
        "monitoring.podMonitor.interval=hour | at '/monitoring/podMonitor/interval': 'hour' does not",
        "engine=rot13               | at '/engine': value must be one of 'wireguard', 'noise', 'esp'",
        "registrar.mode=both        | at '/registrar/mode': value must be one of 'separate', 'embedded'",
        "uninstall.liftGuard=maybe  | at '/uninstall/liftGuard': got string, want boolean",
        "engine=esp                 | espKeySecret: engine esp needs the name of a Secret",
        "espKeySecret=keys          | espKeySecret: engine wireguard needs none: take it out",
        "engine=esp,espKeySecret=A_B | at '/espKeySecret': 'A_B' does not match pattern",
        "surge=yes                  | at '/surge': got string, want boolean",
        "surge=true,monitoring.podMonitor.enabled=true | surge: a PodMonitor finds the gateways",
        "monitoring.podMonitor.enabled=true | reach 127.0.0.1:9586, which is loopback: set it to",
      })
  void aBadValueIsRefusedWithItsNameAndTheReason(String value, String reason) {
    Commands.Result result = template(CHART, "--set=" + value);
    assertFalse(result.succeeded(), result::out);
    assertTrue(result.err().contains(reason), result::err);
  }

  /** A port on the host's network would keep the second pod from the node. */
  @Test
  void withSurgeTheNewGatewayTakesOverWhileTheOldOneRuns() throws IOException {
    Yaml surging = object(rendered("surge=true"), "DaemonSet culvert");
    Yaml strategy = surging.at("spec").at("updateStrategy").at("rollingUpdate");
    assertEquals("1", strategy.text("maxSurge"));
    assertEquals("0", strategy.text("maxUnavailable"));
    assertEquals("60", surging.at("spec").text("minReadySeconds"));
    assertEquals(List.of("up", "--kubernetes", "--replace"), container(surging).value("args"));
    assertNull(container(surging).value("ports"));
    Yaml usual = object(rendered("surge=false"), "DaemonSet culvert");
    assertEquals(List.of("up", "--kubernetes"), container(usual).value("args"));
    assertNotEquals(null, container(usual).value("ports"));
  }

  @Test
  void withoutTheRangesOfTheClusterOrInAnotherNamespaceNothingIsRendered() {
    Commands.Result none =
        programs.helm(folder.resolve("helm"), "template", CHART.toString(), "--namespace=culvert");
    assertFalse(none.succeeded(), none::out);
    assertTrue(none.err().contains("clusterCIDRs: give the ranges of the pods"), none::err);
    Commands.Result elsewhere = template(CHART, "--namespace=default");
    assertFalse(elsewhere.succeeded(), elsewhere::out);
    assertTrue(elsewhere.err().contains("add --namespace culvert"), elsewhere::err);
  }

  @Test
  void theSchemaHasTheNamesThatTheGatewayKnows() throws IOException {
    JsonNode schema =
        new ObjectMapper().readTree(Files.readString(CHART.resolve("values.schema.json")));
    assertEquals(
        Stream.of(BlindSpot.values()).map(BlindSpot::toString).toList(),
        texts(schema.at("/properties/accept/items/enum")));
    assertEquals(
        Stream.of(RangeKind.values()).map(kind -> kind.name().toLowerCase(Locale.ROOT)).toList(),
        texts(schema.at("/properties/registrar/properties/podRanges/enum")));
  }

  private static List<String> texts(JsonNode array) {
    return array.valueStream().map(JsonNode::asText).toList();
  }

  @Test
  void theArchiveIsBuiltTwiceAlikeAndRendersWhatTheFolderRenders() throws IOException {
    String build = Culvert.launcher("bin/chart-build").toString();
    Path one =
        Path.of(Commands.run(build, "--out", folder.resolve("one").toString()).out().strip());
    Path two =
        Path.of(Commands.run(build, "--out", folder.resolve("two").toString()).out().strip());
    assertArrayEquals(Files.readAllBytes(one), Files.readAllBytes(two));
    String all = "--set=monitoring.dashboard.enabled=true,flowControl=true," + RULES_ON;
    assertEquals(
        template(CHART, "--include-crds", all).orThrow().out(),
        template(one, "--include-crds", all).orThrow().out());
  }
}
