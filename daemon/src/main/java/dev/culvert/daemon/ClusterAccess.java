// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.cluster.ClusterFeed;
import dev.culvert.cluster.ClusterSnapshot;
import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.daemon.config.KubernetesConfig;
import java.io.IOException;
import java.nio.file.Path;

/** Opens the Kubernetes API; tests have another. */
public interface ClusterAccess {
  /**
   * The API, of which nothing is asked yet.
   *
   * @throws IOException if the credentials cannot be read
   */
  KubeApi open(KubernetesConfig config) throws IOException;

  /**
   * The cluster as it was known last.
   *
   * @param file written by {@link #feed}
   * @return {@link ClusterSnapshot#EMPTY} if there is no such file that can be used
   */
  ClusterSnapshot remembered(Path file);

  /**
   * Follows the cluster.
   *
   * @param file that keeps its state for the next start
   */
  ClusterFeed feed(KubeApi api, Path file);
}
