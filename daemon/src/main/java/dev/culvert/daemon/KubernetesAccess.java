// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.cluster.ClusterFeed;
import dev.culvert.cluster.ClusterSnapshot;
import dev.culvert.cluster.Snapshots;
import dev.culvert.cluster.follow.ClusterFollower;
import dev.culvert.cluster.follow.FollowLimits;
import dev.culvert.cluster.kube.ApiAccess;
import dev.culvert.cluster.kube.Fabric8Api;
import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.state.ClusterState;
import dev.culvert.cluster.state.StateFile;
import dev.culvert.daemon.config.KubernetesConfig;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.state.PrivateFile;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/** The real API. */
final class KubernetesAccess implements ClusterAccess {
  @Override
  public KubeApi open(KubernetesConfig config) throws IOException {
    List<URI> servers =
        config.controlPlane().stream().map(at -> server(at, config.apiServerPort())).toList();
    Path kubeconfig = config.kubeconfig();
    return new Fabric8Api(
        kubeconfig == null
            ? ApiAccess.inCluster(servers)
            : ApiAccess.kubeconfig(kubeconfig, servers));
  }

  private static URI server(IpAddress address, int port) {
    return URI.create(
        "https://" + (address.v4() ? address.toString() : "[" + address + "]") + ":" + port);
  }

  @Override
  public ClusterSnapshot remembered(Path file) {
    ClusterState state = file(file).read(null);
    return state == null ? ClusterSnapshot.EMPTY : Snapshots.of(state);
  }

  @Override
  public ClusterFeed feed(KubeApi api, Path file) {
    StateFile state = file(file);
    return new ClusterFollower(api, FollowLimits.DEFAULT, state.read(null), state::write);
  }

  private static StateFile file(Path file) {
    return new StateFile(file, KubernetesAccess::replace);
  }

  private static void replace(Path file, byte[] content) throws IOException {
    Path folder = Objects.requireNonNull(file.toAbsolutePath().getParent());
    Files.createDirectories(folder, PrivateFile.FOLDER_MODE);
    PrivateFile.replace(file, content);
  }
}
