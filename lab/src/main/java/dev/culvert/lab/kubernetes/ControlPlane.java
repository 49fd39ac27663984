// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.kubernetes;

import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.LabException;
import dev.culvert.lab.net.Waiting;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A control plane of Kubernetes: etcd and API servers on one or several nodes, with throw-away
 * keys. {@link #close}, and the end of this process, end its programs and delete its files.
 */
public final class ControlPlane implements AutoCloseable {
  /** More versions than were written since any backup of a test. */
  private static final int VERSIONS_TO_PASS = 2_000;

  /** Long enough for an API server on a busy machine. */
  static final Duration PATIENCE = Duration.ofMinutes(2);

  private static final Duration KUBECTL = Duration.ofMinutes(1);

  private static final List<String> CONTROLLERS =
      List.of("garbage-collector-controller", "namespace-controller", "serviceaccount-controller");

  private static final List<String> MANIFESTS = List.of("crds.yaml", "rbac.yaml", "admission.yaml");
  private static final String DRY_RUN =
      "/apis/culvert.dev/v1alpha1/encryptionexemptions?dryRun=All";
  private static final String EXEMPTION =
      """
      {"apiVersion": "culvert.dev/v1alpha1", "kind": "EncryptionExemption",
       "metadata": {"name": "none"},
       "spec": {"protocol": "TCP", "ports": ["1"],
                "nodeSelector": {"matchLabels": {"node-role.kubernetes.io/none": ""}}}}
      """;

  private final KubernetesPrograms programs;
  private final StateFolder folder;
  private final Credentials credentials;
  private final List<Server> etcds = new ArrayList<>();
  private final List<Server> apiServers = new ArrayList<>();
  private final Thread onExit = new Thread(this::end, "control-plane-end");
  private @Nullable Server controllers;

  /**
   * Starts a control plane, and waits until its API servers are ready.
   *
   * @param folder for its keys and its state; made here, and deleted in the end
   * @param etcds the nodes with an etcd
   * @param apiServers the nodes with an API server; each uses all of etcd
   */
  public static ControlPlane start(
      KubernetesPrograms programs, Path folder, List<Place> etcds, List<Place> apiServers) {
    ControlPlane plane = new ControlPlane(programs, folder, etcds, apiServers);
    try {
      plane.start();
      return plane;
    } catch (RuntimeException e) {
      plane.close();
      throw e;
    }
  }

  /**
   * Starts a control plane, as {@link #start}, and applies Culvert's manifests.
   *
   * @param checkout of this project, which has the manifests
   */
  public static ControlPlane startWithCulvert(
      KubernetesPrograms programs,
      Path folder,
      List<Place> etcds,
      List<Place> apiServers,
      Path checkout) {
    ControlPlane plane = start(programs, folder, etcds, apiServers);
    try {
      plane.install(checkout.resolve("cluster/src/main/dist/kubernetes"));
      return plane;
    } catch (RuntimeException e) {
      plane.close();
      throw e;
    }
  }

  private ControlPlane(
      KubernetesPrograms programs, Path folder, List<Place> etcds, List<Place> apiServers) {
    this.programs = programs;
    this.folder = StateFolder.create(folder);
    if (Stream.concat(etcds.stream(), apiServers.stream())
        .anyMatch(place -> place.namespace() == null)) {
      Runtime.getRuntime().addShutdownHook(onExit);
    }
    try {
      this.credentials = new Credentials(this.folder);
      etcds.forEach(place -> this.etcds.add(etcd(place, etcds)));
      apiServers.forEach(place -> this.apiServers.add(apiServer(place, etcds, apiServers)));
      writeKubeconfig(adminKubeconfig(), apiServers.getFirst(), credentials.adminToken());
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private Server etcd(Place place, List<Place> all) {
    String members =
        all.stream()
            .map(member -> member.name() + "=" + member.etcdPeerUrl())
            .collect(Collectors.joining(","));
    return new Server(
        "etcd on " + place.name(),
        place,
        List.of(
            programs.program("etcd"),
            "--name=" + place.name(),
            "--data-dir=" + folder.resolve(etcdState(place)),
            "--listen-client-urls=" + place.etcdUrl(),
            "--advertise-client-urls=" + place.etcdUrl(),
            "--listen-peer-urls=" + place.etcdPeerUrl(),
            "--initial-advertise-peer-urls=" + place.etcdPeerUrl(),
            "--initial-cluster=" + members,
            "--unsafe-no-fsync",
            "--log-level=warn"));
  }

  private Server apiServer(Place place, List<Place> etcds, List<Place> all) {
    Credentials.Certificate own =
        credentials.server(
            "api-server-" + place.name(), all.stream().map(Place::address).distinct().toList());
    String tokenKey = credentials.tokenKey().toString();
    return new Server(
        "API server on " + place.name(),
        place,
        List.of(
            programs.program("kube-apiserver"),
            "--etcd-servers=" + etcds.stream().map(Place::etcdUrl).collect(Collectors.joining(",")),
            "--bind-address=" + place.address(),
            "--advertise-address=" + place.address(),
            "--secure-port=" + place.apiPort(),
            "--endpoint-reconciler-type=none",
            "--tls-cert-file=" + own.certificate(),
            "--tls-private-key-file=" + own.key(),
            "--client-ca-file=" + credentials.authority(),
            "--cert-dir=" + folder.path(),
            "--token-auth-file=" + credentials.tokenFile(),
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            // It would wait for a controller that makes an account for each namespace.
            "--disable-admission-plugins=ServiceAccount",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-account-key-file=" + tokenKey,
            "--service-account-signing-key-file=" + tokenKey,
            "--service-cluster-ip-range="
                + (place.address().contains(":") ? "fd96::/112" : "10.96.0.0/16"),
            "--allow-privileged"));
  }

  private static String etcdState(Place place) {
    return "etcd-" + place.name();
  }

  private Path adminKubeconfig() {
    return folder.resolve("admin.kubeconfig");
  }

  /**
   * Starts the programs that do not run, with their old state, and waits until all API servers are
   * ready.
   */
  public void start() {
    etcds.forEach(Server::start);
    apiServers.forEach(Server::start);
    apiServers.forEach(this::awaitReady);
  }

  /** Waits until an API server answers that it is ready. */
  public void awaitReady(Server apiServer) {
    ApiClient client = admin(apiServer.place());
    apiServer.await("/readyz", () -> client.get("/readyz").succeeded());
  }

  /**
   * Starts the controllers that delete an object with its owner, and make the default account of
   * each namespace.
   *
   * @param more controllers, such as {@code daemonset-controller}
   */
  public void startControllers(String... more) {
    List<String> wanted = new ArrayList<>(CONTROLLERS);
    wanted.addAll(List.of(more));
    Server server =
        new Server(
            "controllers",
            apiServers.getFirst().place(),
            List.of(
                programs.program("kube-controller-manager"),
                "--kubeconfig=" + adminKubeconfig(),
                "--leader-elect=false",
                "--secure-port=0",
                "--use-service-account-credentials",
                "--controllers=" + String.join(",", wanted),
                "--service-account-private-key-file=" + credentials.tokenKey()));
    controllers = server;
    server.start();
  }

  public Server etcd(int i) {
    return etcds.get(i);
  }

  public Server apiServer(int i) {
    return apiServers.get(i);
  }

  /** The certificate of the authority that signed the API servers' certificates. */
  public Path authority() {
    return credentials.authority();
  }

  /** The token of the administrator, which is as short-lived as the control plane. */
  public String adminToken() {
    return credentials.adminToken();
  }

  /** An administrator of the cluster, at the first API server. */
  public ApiClient admin() {
    return admin(apiServers.getFirst().place());
  }

  /** The same at another API server. */
  public ApiClient admin(Place place) {
    return ApiClient.withToken(place, authority(), credentials.adminToken());
  }

  /** The owner of a token, at the first API server. */
  public ApiClient withToken(String token) {
    return ApiClient.withToken(apiServers.getFirst().place(), authority(), token);
  }

  /** A kubelet, at the first API server. */
  public ApiClient kubelet(String node) {
    return ApiClient.withCertificate(
        apiServers.getFirst().place(),
        authority(),
        credentials.client("system:node:" + node, "system:nodes"));
  }

  /** Runs kubectl as an administrator. */
  public Commands.Result kubectl(String... arguments) {
    List<String> command =
        new ArrayList<>(
            List.of(
                programs.program("kubectl"),
                "--kubeconfig=" + adminKubeconfig(),
                // Else it keeps a copy of the API's description in the home folder.
                "--cache-dir=" + folder.resolve("kubectl")));
    command.addAll(List.of(arguments));
    return apiServers.getFirst().place().attempt(KUBECTL, command);
  }

  /** Runs helm as an administrator. */
  public Commands.Result helm(Duration patience, String... arguments) {
    List<String> command = new ArrayList<>(List.of(arguments));
    command.add("--kubeconfig=" + adminKubeconfig());
    return apiServers
        .getFirst()
        .place()
        .attempt(patience, programs.helmCommand(folder.resolve("helm"), command));
  }

  /**
   * Applies Culvert's manifests, and waits until they are in force.
   *
   * @param manifests the folder that holds them
   */
  private void install(Path manifests) {
    for (String file : MANIFESTS) {
      kubectl("apply", "-f", manifests.resolve(file).toString()).orThrow();
    }
    kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s").orThrow();
    // The last of the policies refuses this; then the others are in force, too.
    ApiClient kubelet = admin().inTheNameOf("system:node:none", "system:masters");
    if (!Waiting.until(
        PATIENCE,
        () -> kubelet.create(DRY_RUN, EXEMPTION).message().contains("writes no Encryption"))) {
      throw new LabException("the admission policies do not come into force");
    }
  }

  /** Lets registrars of an account read Pods, as it takes to find ranges by them. */
  public void allowPods(String account) {
    kubectl(
            "create",
            "clusterrolebinding",
            "culvert-registrar-pods",
            "--clusterrole=culvert-registrar-pods",
            "--serviceaccount=culvert:" + account)
        .orThrow();
  }

  /** Writes a kubeconfig for the owner of a token, at one API server. */
  public void writeKubeconfig(Path file, Place apiServer, String token) {
    StateFolder.write(
        file,
        """
        apiVersion: v1
        kind: Config
        clusters:
          - name: lab
            cluster: {server: "%s", certificate-authority: "%s"}
        users:
          - name: user
            user: {token: "%s"}
        contexts:
          - name: lab
            context: {cluster: lab, user: user}
        current-context: lab
        """
            .formatted(apiServer.apiUrl(), authority(), token));
  }

  /**
   * Keeps a copy of etcd's state. The control plane is away meanwhile: an API server that stays
   * would later meet a connection to the etcd that ended, and refuse a request.
   */
  public void backUp() {
    stop();
    etcds.forEach(etcd -> folder.copy(etcdState(etcd.place()), backup(etcd)));
    start();
  }

  /** Ends the control plane, gives etcd the state of the backup, and starts it all again. */
  public void restore() {
    stopWithBackup();
    start();
  }

  private void stopWithBackup() {
    stop();
    etcds.forEach(etcd -> folder.copy(backup(etcd), etcdState(etcd.place())));
  }

  /**
   * Restores the backup so that versions go on rising, as {@code etcdutl snapshot restore
   * --bump-revision} does: clients cannot tell by them that the state is older.
   */
  public void restoreWithRisingVersions() {
    stopWithBackup();
    etcds.forEach(Server::start);
    etcds.getFirst().await("writes", () -> etcdKeys().write(VERSIONS_TO_PASS));
    start();
  }

  private static String backup(Server etcd) {
    return "backup-" + etcd.place().name();
  }

  /** The keys of etcd, for changes beneath the API servers. */
  public EtcdKeys etcdKeys() {
    return new EtcdKeys(etcds.getFirst().place());
  }

  /** Ends all API servers. etcd goes on. */
  public void stopApiServers() {
    apiServers.forEach(Server::kill);
  }

  /** Ends all API servers, then etcd. The state stays. */
  public void stop() {
    stopApiServers();
    etcds.forEach(Server::kill);
  }

  /** Deletes the folder of a control plane whose process was ended by force. */
  public static void deleteFolder(Path folder) {
    new StateFolder(folder).delete();
  }

  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(onExit);
    } catch (IllegalStateException e) {
      onExit.setName("control-plane-ends-with-its-process");
    }
    end();
  }

  private void end() {
    if (controllers != null) {
      controllers.close();
    }
    apiServers.forEach(Server::close);
    etcds.forEach(Server::close);
    folder.delete();
  }
}
