// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.kubernetes;

import dev.culvert.cli.command.CommandException;
import dev.culvert.cli.command.ExitCode;
import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.kube.KubeApi.ListQuery;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.ResourceKind;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** An administrator's word about a node, in the annotations of its CulvertNode. */
final class NodeAnnotation {
  private NodeAnnotation() {}

  static CulvertNode find(KubeApi api, String name) throws KubeException, CommandException {
    try {
      return api.get(ResourceKind.CULVERT_NODES, name);
    } catch (KubeException e) {
      if (e.code() == KubeException.NOT_FOUND) {
        api.list(ResourceKind.CULVERT_NODES, new ListQuery(null, 1, null, null)); // or fails itself
        throw new CommandException(
            ExitCode.FAILED, "no node is called '" + name + "'; 'culvert nodes' lists them");
      }
      throw e;
    }
  }

  /** Accepts the key that the node claims, and takes a rejection back. */
  static void accept(KubeApi api, CulvertNode node) throws KubeException, CommandException {
    String key = node.spec().publicKey();
    set(api, node, key == null ? CulvertNode.NO_KEY : key, null);
  }

  static void reject(KubeApi api, CulvertNode node, String reason)
      throws KubeException, CommandException {
    set(api, node, null, reason);
  }

  private static void set(
      KubeApi api, CulvertNode node, @Nullable String accept, @Nullable String reject)
      throws KubeException, CommandException {
    Map<String, @Nullable String> annotations = new HashMap<>();
    annotations.put(CulvertNode.ACCEPT_KEY, accept);
    annotations.put(CulvertNode.REJECT, reject);
    byte[] patch =
        JsonMapper.shared()
            .writeValueAsBytes(Map.of("metadata", Map.of("annotations", annotations)));
    try {
      api.patch(ResourceKind.CULVERT_NODES, node.metadata().name(), null, patch);
    } catch (KubeException e) {
      if (e.code() == KubeException.FORBIDDEN || e.code() == KubeException.INVALID) {
        throw new CommandException(
            ExitCode.FAILED,
            e.getMessage() + "; use the credentials of an administrator (--kubeconfig)");
      }
      throw e;
    }
  }
}
