// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import dev.culvert.cluster.resource.Condition;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Waiting;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * One run of the lab with Kubernetes: etcd and an API server on node-a, and three daemons that know
 * their node's name and the address of the API. The traffic first goes in clear, which shows that
 * the capture finds packets in clear; then through the gateways; then with one fault after the
 * other. Routes in clear stay in place all the time, as a network plugin would set them.
 */
final class LabKubernetesRun {
  /** After its start an API server refuses requests for a while, until it has read the rights. */
  private static final Duration RESUMED = Commands.PATIENCE.multipliedBy(2);

  private static final String EXEMPTION =
      """
      apiVersion: culvert.dev/v1alpha1
      kind: EncryptionExemption
      metadata: {name: lab}
      spec:
        nodeSelector: {matchLabels: {%s: ""}}
        protocol: UDP
        ports: ["%s"]
      """
          .formatted(LabKubernetes.SERVER_LABEL, LabJudge.PORT);

  private final LabNetwork network;
  private final LabView view;
  private final LabJudge judge;
  private final LabEngine engine;
  private final Path folder;
  private final LabKubernetes kubernetes;
  private final List<LabGateway> gateways;

  /**
   * @param folder for keys and configurations
   * @param culvert the command line of {@code culvert}
   */
  LabKubernetesRun(
      LabNetwork network,
      Path folder,
      List<String> culvert,
      LabEngine engine,
      LabKubernetes kubernetes,
      LabView view) {
    this.network = network;
    this.view = view;
    this.engine = engine;
    this.folder = folder;
    this.kubernetes = kubernetes;
    judge = new LabJudge(network, view);
    gateways = LabGateway.all(network, folder, culvert, engine);
  }

  /** Runs all phases except the faults. */
  void run() {
    judge.checkInClear();

    view.phase("cluster: culvert up on three nodes, which find each other through the API");
    judge.timed(
        "secondsFromStartToTraffic", "then", () -> gateways.parallelStream().forEach(this::start));
    kubernetes.kubectl("get", "culvertnodes").lines().forEach(view::result);
    judge.checkSilence(
        "through the tunnel not one marker is seen on the wire", judge::speakOnAllWays);
    exemption();
  }

  private void start(LabGateway gateway) {
    LabSite site = gateway.site();
    gateway.start(
        engine.kubernetesYaml(site, folder, kubernetes.kubeconfig(site), kubernetes.address()));
  }

  private void exemption() {
    view.phase("exemption: kubectl makes an EncryptionExemption for a port of node-a");
    judge.checkSilence("before, the port of node-a is spoken to encrypted", this::speakToA);
    kubernetes.apply(EXEMPTION);
    judge.check(
        "then node-b speaks to that port in clear, without a restart",
        Waiting.until(Commands.PATIENCE, () -> judge.markers(this::speakToA) > 0),
        "marker on the wire");
    judge.checkSilence(
        "and to the same port of node-c, which the exemption does not select, encrypted",
        judge::speakOnAllWays);
    kubernetes.kubectl("delete", "encryptionexemption", "lab");
    judge.check(
        "deleted, the port is spoken to encrypted again",
        Waiting.until(Commands.PATIENCE, () -> judge.markers(this::speakToA) == 0),
        "no marker on the wire");
  }

  private void speakToA() {
    judge.say(network.b.node(), network.a.wireAddress());
  }

  /** Runs the faults, in order. */
  void faults() {
    LabGateway b = gateways.get(1);
    withoutApi(b);
    if (engine != LabEngine.ESP) { // Its key is the cluster's, and comes with a Secret.
      withoutKey(b);
    }
  }

  private void withoutApi(LabGateway b) {
    view.phase("fault: the API server is killed; a gateway restarts meanwhile");
    kubernetes.killApiServer();
    judge.checkSilence("without the API nothing leaves in clear", judge::speakOnAllWays);
    judge.checkPodsMeet("without the API every pod reaches every other");
    b.kill();
    judge.timed("secondsFromRestartWithoutApiToTraffic", "after the restart", () -> start(b));
    kubernetes.startApiServer();
    kubernetes.apply(EXEMPTION);
    judge.check(
        "with the API back its changes are followed again",
        Waiting.until(RESUMED, () -> judge.markers(this::speakToA) > 0),
        "a new exemption is seen on the wire");
    kubernetes.kubectl("delete", "encryptionexemption", "lab");
  }

  private void withoutKey(LabGateway b) {
    view.phase("fault: node-b loses its key and reboots; its accepted key is the old one");
    b.kill();
    b.loseKey();
    start(b);
    String key = publishedKey(b);
    judge.check(
        "it reaches the API and publishes its new key", !key.isEmpty(), "spec.publicKey is " + key);
    judge.checkSilence("with a stale key accepted nothing leaves in clear", judge::speakOnAllWays);
    judge.check(
        "the new key is accepted only by an administrator's word",
        !key.equals(field(b, "{.status.publicKey}")),
        keyAccepted(b, "reason"));
    judge.timed("secondsFromAcceptedKeyToTraffic", "once it is accepted", () -> accept(b, key));
  }

  /** The new key, once it differs from the accepted one and the registrar has seen it. */
  private String publishedKey(LabGateway gateway) {
    boolean judged =
        Waiting.until(
            Commands.PATIENCE, () -> keyAccepted(gateway, "status").equals(Condition.FALSE));
    return judged ? field(gateway, "{.spec.publicKey}") : "";
  }

  /** A field of the condition that tells whether the claimed key is accepted. */
  private String keyAccepted(LabGateway gateway, String field) {
    return field(
        gateway,
        "{.status.conditions[?(@.type==\"" + Condition.KEY_ACCEPTED + "\")]." + field + "}");
  }

  private String field(LabGateway gateway, String path) {
    return kubernetes.kubectl(
        "get", "culvertnode", gateway.site().nodeName(), "--output=jsonpath=" + path);
  }

  private void accept(LabGateway gateway, String key) {
    kubernetes.kubectl(
        "annotate", "culvertnode", gateway.site().nodeName(), CulvertNode.ACCEPT_KEY + "=" + key);
  }

  /** The report, after the end of the run: it is shown too. */
  LabReport report() {
    LabReport report = judge.report();
    view.summary(report);
    view.logs(report, gateways);
    return report;
  }
}
