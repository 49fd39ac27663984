// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.kubernetes;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;

/** Makes the objects that kubelets and Kubernetes' controllers make in a real cluster. */
public final class ClusterObjects {
  /** The namespace of Culvert's pods and accounts. */
  public static final String NAMESPACE = "culvert";

  private static final String NODES = "/api/v1/nodes";
  private static final String PODS = "/api/v1/namespaces/" + NAMESPACE + "/pods";
  private static final ObjectMapper JSON = new ObjectMapper();

  private final ApiClient admin;

  public ClusterObjects(ApiClient admin) {
    this.admin = admin;
  }

  /**
   * Adds a Node.
   *
   * @return its uid
   */
  public String addNode(
      String name, Map<String, String> labels, List<String> podCidrs, List<String> addresses) {
    ObjectNode node = object("v1", "Node", name);
    ObjectNode ofNode = node.withObject("/metadata").putObject("labels");
    labels.forEach(ofNode::put);
    if (!podCidrs.isEmpty()) {
      ObjectNode spec = node.putObject("spec").put("podCIDR", podCidrs.getFirst());
      podCidrs.forEach(spec.putArray("podCIDRs")::add);
    }
    String uid = uidOf(admin.create(NODES, node.toString()));
    if (!addresses.isEmpty()) {
      setAddresses(name, addresses);
    }
    return uid;
  }

  /** Sets the internal addresses of a Node. */
  public void setAddresses(String node, List<String> addresses) {
    ObjectNode status = JSON.createObjectNode();
    ArrayNode list = status.putObject("status").putArray("addresses");
    addresses.forEach(
        address -> list.addObject().put("type", "InternalIP").put("address", address));
    admin.patch(NODES + "/" + node + "/status", status.toString()).orThrow();
  }

  public void deleteNode(String name) {
    admin.delete(NODES + "/" + name).orThrow();
  }

  /**
   * Adds a pod on a node.
   *
   * @param account the service account that it runs as
   * @return its uid
   */
  public String addPod(String name, String node, String account) {
    ObjectNode pod = object("v1", "Pod", name);
    ObjectNode spec = pod.putObject("spec").put("serviceAccountName", account);
    if (!node.isEmpty()) {
      spec.put("nodeName", node);
    }
    spec.putArray("containers").addObject().put("name", "c").put("image", "none");
    // A kubelet may ask only for tokens that the pod has a volume for.
    spec.putArray("volumes")
        .addObject()
        .put("name", "token")
        .withObject("/projected")
        .putArray("sources")
        .addObject()
        .withObject("/serviceAccountToken")
        .put("path", "token");
    return uidOf(admin.create(PODS, pod.toString()));
  }

  /** Sets the addresses of a pod, at most one of each family, as the node's kubelet does. */
  public void setPodAddresses(String pod, List<String> addresses) {
    ObjectNode patch = JSON.createObjectNode();
    ObjectNode status = patch.putObject("status").put("phase", "Running");
    status.put("podIP", addresses.getFirst());
    ArrayNode list = status.putArray("podIPs");
    addresses.forEach(address -> list.addObject().put("ip", address));
    admin.patch(PODS + "/" + pod + "/status", patch.toString()).orThrow();
  }

  /** Deletes a pod at once. */
  public void deletePod(String name) {
    admin.delete(PODS + "/" + name + "?gracePeriodSeconds=0").orThrow();
  }

  /** A token as a kubelet gets it for a pod. */
  public String podToken(String pod, String podUid, String account) {
    return token(admin.create(tokenPath(account), tokenRequest("Pod", pod, podUid)));
  }

  /** A token of a service account that is bound to nothing. */
  public String freeToken(String account) {
    return token(admin.create(tokenPath(account), tokenRequest().toString()));
  }

  /** The path to which requests for a token are sent. */
  public static String tokenPath(String account) {
    return "/api/v1/namespaces/" + NAMESPACE + "/serviceaccounts/" + account + "/token";
  }

  /** A request for a token that is bound to an object. */
  public static String tokenRequest(String kind, String name, String uid) {
    ObjectNode request = tokenRequest();
    request
        .withObject("/spec/boundObjectRef")
        .put("apiVersion", "v1")
        .put("kind", kind)
        .put("name", name)
        .put("uid", uid);
    return request.toString();
  }

  private static ObjectNode tokenRequest() {
    ObjectNode request = JSON.createObjectNode();
    request.put("apiVersion", "authentication.k8s.io/v1").put("kind", "TokenRequest");
    request.putObject("spec").put("expirationSeconds", 7200);
    return request;
  }

  /** The token in the answer to a request for one. */
  public static String token(ApiAnswer answer) {
    return answer.orThrow().path("status").path("token").asText();
  }

  private static String uidOf(ApiAnswer answer) {
    return answer.orThrow().path("metadata").path("uid").asText();
  }

  private static ObjectNode object(String apiVersion, String kind, String name) {
    ObjectNode object = JSON.createObjectNode().put("apiVersion", apiVersion).put("kind", kind);
    object.putObject("metadata").put("name", name);
    return object;
  }
}
