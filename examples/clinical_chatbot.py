"""A small clinical chatbot with the chat graph as a part of it: the shipped models, offline, a scripted conversation.

The bot answers what is its own (opening hours) and hands everything else to the subgraph. Its state has a key for what
the subgraph remembers, so the bot's own checkpointer keeps it; `langgraph.json` serves both graphs to LangGraph Studio.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict  # typing.TypedDict has no JSON schema before Python 3.12

from coarse2fine import chat_graph
from coarse2fine.app.chat import Case
from coarse2fine.graph import checkpoint_serializer


class BotState(TypedDict):
    """State of the bot: its messages, and what the subgraph keeps."""

    messages: Annotated[list[AnyMessage], add_messages]
    coarse2fine: NotRequired[Case]


def opening_hours(_: BotState) -> dict[str, Any]:
    """What the bot knows by itself."""
    return {"messages": [AIMessage("Reading rooms are open from seven to nineteen.")]}


def whose(state: BotState) -> Literal["opening_hours", "impressions"]:
    """Which part answers."""
    return "opening_hours" if "are you open" in str(state["messages"][-1].text) else "impressions"


def clinic(checkpointer: Any = None) -> Any:
    """The bot, around the chat graph."""
    bot = StateGraph(BotState)
    bot.add_node("opening_hours", opening_hours)
    bot.add_node("impressions", impressions)
    bot.add_conditional_edges(START, whose)
    bot.add_edge("opening_hours", END)
    bot.add_edge("impressions", END)
    return bot.compile(checkpointer)


impressions = chat_graph("nano")
graph = clinic()

CONVERSATION = (
    "Hello!",
    "Summarise this for the patient:\n\nEXAM: CT chest\nFINDINGS: A 12 mm nodule is seen in the right upper lobe. "
    "Small left pleural effusion. The heart is normal in size. No pneumothorax.",
    "Where does the effusion come from?",
    "When are you open?",
    "As bullets, please.",
    "What did you leave out?",
    "Is it checked?",
    "What is the treatment?",
)

if __name__ == "__main__":
    bot = clinic(InMemorySaver(serde=checkpoint_serializer()))
    for question in CONVERSATION:
        done = bot.invoke({"messages": [("user", question)]}, {"configurable": {"thread_id": "visit-1"}})
        print(f"> {question}\n\n{done['messages'][-1].text}\n")
