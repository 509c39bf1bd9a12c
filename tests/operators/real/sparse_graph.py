"""A graph convolution by a sparse matrix, as in libraries for graphs."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="sparse_graph",
    tensors={
        "x": {"shape": [4, 3], "draw": "randn", "requires_grad": True},
        "W": {"shape": [3, 2], "draw": "randn", "requires_grad": True},
    },
    forward="""\
import torch

EDGES = torch.tensor([[0, 0, 1, 2, 3], [1, 2, 3, 0, 0]])


def forward(x, W):
    graph = torch.sparse_coo_tensor(EDGES, torch.ones(5, dtype=torch.float64), (4, 4))
    wide = torch.sparse.mm(graph, (x @ W).double())
    return torch.relu(wide).to(x.dtype)
""",
    backward="""\
import torch

EDGES = torch.tensor([[0, 0, 1, 2, 3], [1, 2, 3, 0, 0]])


def backward(x, W, dout):
    graph = torch.sparse_coo_tensor(EDGES, torch.ones(5, dtype=torch.float64), (4, 4))
    h = torch.sparse.mm(graph, (x @ W).double())
    dh = dout.double() * (h > 0)
    dxW = torch.sparse.mm(graph.t(), dh).to(x.dtype)
    return {"x": dxW @ W.T, "W": x.T @ dxW}
""",
    mistakes=(Edit("the graph is not turned", (("graph.t(), dh", "graph, dh"),), "transposed"),),
)
